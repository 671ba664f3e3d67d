"""A grid and the sampler it is for, as a host gets it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from diffopt.documents.options import fields_of
from diffopt.foundation.arrays import Array
from diffopt.law.start import Start
from diffopt.processes import Process
from diffopt.processes.grid import Grid
from diffopt.solvers import Solver, run_table
from diffopt.solvers.table import Table


@dataclass(frozen=True, eq=False)
class Run:
    """What is handed to a host, and what the host makes of it.

    Attributes
    ----------
    grid : Grid
        Process and noise ratios, shape (N + 1,).
    solver : Solver
        The recurrence.
    eta : ndarray, shape (N,)
        Diffusion-term coefficients.
    start : {"exact", "sigma", "unit"}
        Initial law.
    """

    grid: Grid
    solver: Solver
    eta: Array
    start: Start = "exact"

    @classmethod
    def create(
        cls, process: Process, sigmas: ArrayLike, solver: Solver, eta: ArrayLike | None = None, start: Start = "exact"
    ) -> Run:
        """Check the numbers.

        Raises
        ------
        InputError
            Sigmas that are no grid of the process, an eta the solver does not take.
        """
        grid = Grid.create(process, sigmas)
        value = None if eta is None else np.asarray(eta, dtype=np.float64)
        return cls(grid, solver, solver.etas(value, grid.steps), start)

    @property
    def process(self) -> Process:
        """The forward process."""
        return self.grid.process

    @property
    def flow(self) -> bool:
        """Whether hosts call the flow time s "sigma" here."""
        return self.process.flow

    @property
    def levels(self) -> Array:
        """What hosts call sigmas, shape (N + 1,): s on flow models, the noise ratio on others."""
        return self.grid.times if self.flow else self.grid.sigmas

    def option(self, name: str, default: Any) -> Any:
        """An option of the solver; the default where it has none of that name."""
        return getattr(self.solver, name) if name in fields_of(type(self.solver)) else default

    def with_levels(self, levels: ArrayLike) -> Run:
        """Same sampler on other levels (s on flow models); eta per step is kept where the count is."""
        array = np.asarray(levels, dtype=np.float64)
        with np.errstate(divide="ignore"):
            sigmas = array / (1 - array) if self.flow else array
        grid = Grid.create(self.process, within(sigmas, *self.process.sigma_limits))
        eta = self.eta if grid.steps == self.eta.size else np.full(grid.steps, self.eta.mean())
        return replace(self, grid=grid, eta=eta)

    def with_solver(self, solver: Solver, eta: float | Array | None) -> Run:
        """Same grid, another recurrence."""
        return replace(self, solver=solver, eta=solver.etas(eta, self.grid.steps))

    @property
    def table(self) -> Table:
        """Coefficients of the run."""
        return run_table(self.solver, self.grid, self.eta)


#: Relative step over an end of the process that is rounding.
ROUNDING = 1e-6


def within(sigmas: Array, top: float, bottom: float) -> Array:
    """Noise ratios that rounding put just outside the process's range, put back on its end."""
    high = np.where((sigmas > top) & (sigmas <= top * (1 + ROUNDING)), top, sigmas)
    return np.where((high > 0) & (high < bottom) & (high >= bottom * (1 - ROUNDING)), bottom, high)


def same_recurrence(a: Run, b: Run) -> bool:
    """Whether two runs on the same grid have the same coefficients, whatever their solvers are called."""
    first, second = a.table, b.table
    if (first.maps is None) != (second.maps is None):
        return False
    if first.maps is not None:
        return type(a.solver) is type(b.solver) and a.solver == b.solver and bool(np.allclose(a.eta, b.eta))
    for name in ("state", "denoised", "score", "noise"):
        x, y = _padded(getattr(first, name), getattr(second, name))
        if x.shape != y.shape or not np.allclose(x, y, rtol=1e-9, atol=1e-12):
            return False
    return bool(np.allclose(first.level, second.level, rtol=1e-9, atol=1e-12))


def _padded(x: Array, y: Array) -> tuple[Array, Array]:
    """Both with as many lags or sources as the longer one: unused ones are 0."""
    width = max(x.shape[-1], y.shape[-1])
    return tuple(np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, width - a.shape[-1])]) for a in (x, y))  # type: ignore[return-value]
