"""What a solver is: a rule that turns a grid into a table of coefficients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Numbers
from diffopt.foundation.tensors import numbers_of
from diffopt.processes import Process
from diffopt.processes.clocks import Clock, find_clock
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.solvers.model_error import ModelError
from diffopt.solvers.table import Table


@dataclass(frozen=True)
class Solver(ABC):
    """A sampler whose every state is linear in earlier states, denoiser outputs and noise.

    The author writes :meth:`table` with elementwise analytic formulas of `Points` and `eta`; errors,
    gradients, sampling and call counts follow from the table.

    Attributes
    ----------
    clock : str or None
        Clock of clock-dependent schemes; None is the default. Others ignore it.
    error : ModelError or None
        What the model is off by; :func:`build_table` puts it into every run.
    """

    name: ClassVar[str]
    #: Order of the error of the law in the step count, exact score, smooth grid and default options.
    law_order: ClassVar[int]
    #: Grid points before the start of a step that the step depends on.
    memory: ClassVar[int] = 0
    #: Model calls of a step, and whether a last step to sigma = 0 makes one call (Euler's).
    stages: ClassVar[int] = 1
    short_end: ClassVar[bool] = True
    #: Source of the recurrence.
    reference: ClassVar[str]
    #: Default of eta, and which of the fields' several etas is meant; None where there is no noise.
    default_eta: ClassVar[float] = 0.0
    eta_meaning: ClassVar[str | None] = None
    uses_clock: ClassVar[bool] = False
    #: Whether its noise is churn, which raises the level before a step (EDM).
    churns: ClassVar[bool] = False
    #: Whether sigma times c and eig times c^2 give variances times c^2 on `ve`.
    scale_free: ClassVar[bool] = True
    #: Whether a last step to sigma = 0 returns a denoiser output without fresh noise.
    lands_on_data: ClassVar[bool] = True
    #: Whether, without a clock, the scheme sees a process beyond its noise ratios.
    sees_process: ClassVar[bool] = False
    #: Whether there is no table before :meth:`for_data`.
    needs_data: ClassVar[bool] = False
    #: Solvers whose grids this one takes the geometric mean of; empty: a grid of its own.
    grid_solvers: ClassVar[tuple[str, ...]] = ()
    #: Wiener integrals that the noise sources of a step are, for coupled paths (`diffopt.studies.strong`); None: unknown.
    kernels: ClassVar[tuple[str, ...] | None] = None
    #: Nodes of a panel of averages over a random fraction; 1 where there is none.
    nodes: ClassVar[int] = 1
    #: Root of the smallest eigenvalue that these averages are made for.
    floor: ClassVar[float] = 0.0
    #: Clock when the user names none; None is the process's default.
    own_clock: ClassVar[str | None] = None

    clock: str | None = None
    error: ModelError | None = None

    @abstractmethod
    def table(self, points: Points, eta: Numbers) -> Table:
        """Coefficients along `points`; `eta` has shape (..., N)."""

    def for_data(self, data: Dataset) -> Solver:
        """The solver for these data: itself, but for solvers whose coefficients are fitted."""
        del data
        return self

    def averaged(self, nodes: int, floor: float) -> Solver:
        """The solver with other averages over random fractions: itself, where there are none.

        Parameters
        ----------
        nodes : int
            Nodes of a panel.
        floor : float
            Root of the smallest eigenvalue that is asked for.
        """
        del nodes, floor
        return self

    def for_even_grid(self) -> Solver:
        """The solver for grids that a search gives it: itself, but for solvers that are fitted otherwise to those."""
        return self

    @property
    def churn(self) -> float:
        """S_churn of EDM; 0 without churn."""
        return 0.0

    @property
    def churn_noise(self) -> float:
        """S_noise of EDM, the deviation of the noise that churn adds over what it should be."""
        return 1.0

    def without_churn(self) -> Solver:
        """The same scheme without churn."""
        return self

    def raises(self, sigma: float) -> bool:
        """Whether a step from this noise ratio begins with churn."""
        del sigma
        return False

    @property
    def least_steps(self) -> int:
        """Fewest steps that the scheme can run."""
        return 1

    def calls(self, steps: int, to_data: bool = True) -> int:
        """Model calls of `steps` steps; `to_data`: the last one is Euler's to sigma = 0, where the scheme has that rule."""
        return self.stages * steps - (self.stages - 1) * (to_data and self.short_end)

    def clock_of(self, process: Process) -> Clock:
        """Clock in force on `process`."""
        own = self.own_clock if process.continuous else None
        return find_clock(self.clock or own, process)

    def clock_name(self, process: Process) -> str | None:
        """Name of the clock in force, None for schemes that have none."""
        return self.clock_of(process).name if self.uses_clock else None

    def etas(self, eta: float | np.ndarray | None, steps: int) -> np.ndarray:
        """Coefficients per step, shape (steps,), from a number, a list or None (the default).

        Raises
        ------
        InputError
            Negative or non-finite eta, a wrong length, or any eta on a solver without noise.
        """
        value = numbers_of(self.default_eta if eta is None else eta, "eta", "a number or a list of one a step").astype(np.float64)
        if value.ndim > 1 or (value.ndim == 1 and value.size != steps):
            raise InputError(f"eta needs 1 or {steps} values, got {value.size}")
        if not np.all(np.isfinite(value)) or np.any(value < 0):
            raise InputError(f"eta must be finite and >= 0, got {np.min(value):g}")
        if self.eta_meaning is None and np.any(value != 0):
            raise InputError(f"solver {self.name!r} injects no noise; use ddim, euler_ancestral or euler_maruyama for eta")
        return np.broadcast_to(value, (steps,)).copy()


def build_table(solver: Solver, points: Points, eta: Numbers) -> Table:
    """Table of a solver, checked to be finite where the scheme has a limit.

    Raises
    ------
    UnsupportedError
        A coefficient is infinite, e.g. a clock that cannot leave pure noise or reach the data.
    """
    with np.errstate(all="ignore"):
        table = solver.table(points, eta)
        for array in (table.state, table.denoised, table.score, table.noise, table.numbers):
            # A sum is quicker than a mask; finite numbers may add up to an infinite one.
            if not np.isfinite(np.add.reduce(array, axis=None)) and not np.isfinite(array).all():
                raise UnsupportedError(_no_limit(solver, points))
    if solver.error is None:
        return table
    from diffopt.solvers.score_error import perturbed

    return perturbed(table, solver.error)


def _no_limit(solver: Solver, points: Points) -> str:
    clock = solver.clock_name(points.process)
    scheme = f"solver {solver.name!r}" + (f" in the {clock} clock" if clock else "")
    if not np.all(np.isfinite(points.sigma.real)):
        return f"{scheme} has no finite first step from pure noise; give a finite --sigma-max (or --t-max below 1)"
    return f"{scheme} has no finite last step to sigma = 0; use --end sigma_min or another clock"


def run_table(solver: Solver, grid: Grid, eta: float | np.ndarray | None = None) -> Table:
    """Real table of a solver on a grid: the run as a user means it."""
    points = Points.create(grid.process, grid.sigmas)
    return build_table(solver, points, solver.etas(eta, grid.steps))
