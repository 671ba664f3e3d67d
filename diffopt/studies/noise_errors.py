"""The three errors of a problem on a fixed grid as functions of eta, for many eta at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.law.local_errors import LocalDefects
from diffopt.objectives.frechet import Discretization
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.solvers import Solver, build_table, run_table
from diffopt.solvers.table import Table

NOISE_OBJECTIVES = ("exact", "signed", "absolute")
#: Numbers (nodes times eigenvalues times etas) of one batch.
BATCH = 40_000


class NoiseErrors:
    """Errors of a solver with noise on one grid (theory.md, eq. 77).

    `exact`: Frechet distance of the real output law to the marginal where the grid ends; `signed`: its leading
    order (errors of steps may cancel); `absolute`: the same with every local error in absolute value.
    """

    def __init__(self, problem: Problem, grid: Grid, solver: Solver) -> None:
        self.problem, self.grid, self.solver = problem.compressed(), grid, solver
        self._together = True
        self._points: dict[int, Points] = {}

    def one(self, objective: str, eta: Array | float) -> float:
        """Value of an objective; infinite where the scheme blows up."""
        with np.errstate(all="ignore"):
            value = float(self._values(run_table(self.solver, self.grid, eta), (objective,))[0])
        return value if np.isfinite(value) else float("inf")

    def many(self, objective: str, etas: Array) -> Array:
        """Values at B lists of etas, shape (B, N): shape (B,)."""
        return np.asarray(self.every(etas, (objective,))[0])

    def every(self, etas: Array, objectives: tuple[str, ...] = NOISE_OBJECTIVES) -> Array:
        """Values of the objectives at B lists of etas, shape (len(objectives), B)."""
        size = max(1, BATCH // (self.grid.sigmas.size * self.problem.spectrum.eig.size))
        parts = [self._part(etas[a : a + size], objectives) for a in range(0, len(etas), size)]
        values = np.concatenate(parts, axis=1)
        return np.asarray(np.where(np.isfinite(values), values, np.inf))

    @property
    def stacks(self) -> bool:
        """Whether runs of several etas stand in one table."""
        self.every(np.zeros((2, self.grid.steps)), ("exact",))
        return self._together

    def residuals(self, objective: str, etas: Array) -> Array:
        """What `exact` or `signed` is the root of the sum of squares of, at B lists of etas: shape (B, m)."""
        size = max(1, BATCH // (self.grid.sigmas.size * self.problem.spectrum.eig.size))
        with np.errstate(all="ignore"):
            return np.concatenate([self._residuals(objective, etas[a : a + size]) for a in range(0, len(etas), size)])

    def _residuals(self, objective: str, etas: Array) -> Array:
        table, spectrum = self._table(etas), self.problem.spectrum
        if table is None:
            # One without a table spoils a batch.
            if len(etas) > 1:
                return np.concatenate([self._residuals(objective, eta[None]) for eta in etas])
            return np.full((1, spectrum.eig.size * (1 if spectrum.mean is None else 2)), np.inf)
        if objective == "exact":
            return Discretization().residuals(table.columns(), spectrum, self.problem.start)
        return LocalDefects(table.columns(), spectrum, self.problem.start).residuals()

    def _part(self, etas: Array, objectives: tuple[str, ...]) -> Array:
        if self._together and len(etas) > 1:
            with np.errstate(all="ignore"):
                table = self._table(etas)
                if table is not None and table.maps is None and table.error is None:
                    return self._values(table.columns(), objectives)
            # One without a table spoils a batch; maps and errors that are nodes of their own take one run at a time.
            self._together = table is None
        return np.stack([[self.one(name, eta) for eta in etas] for name in objectives])

    def _table(self, etas: Array) -> Table | None:
        """All runs in one table; None where one among them has none."""
        if len(etas) not in self._points:
            self._points[len(etas)] = Points.create(self.grid.process, np.tile(self.grid.sigmas, (len(etas), 1)))
        try:
            return build_table(self.solver, self._points[len(etas)], etas)
        except UnsupportedError:
            return None

    def _values(self, table: Table, objectives: tuple[str, ...]) -> Array:
        spectrum, start = self.problem.spectrum, self.problem.start
        local = LocalDefects(table, spectrum, start) if set(objectives) - {"exact"} else None
        found = []
        for name in objectives:
            if name == "exact":
                exact = Discretization()
                found.append(exact.values(table, spectrum, start) if table.aside else exact.value(table, spectrum, start))
            elif local is not None:
                found.append(local.frechets(name == "absolute"))
        return np.array(found)


def slope(values: Callable[[Array], Array], x: Array, low: Array, high: Array, size: float) -> tuple[float, Array]:
    """Value at x and central differences in all variables, in one batch; one-sided at the bounds."""
    up, down = np.minimum(x + size, high), np.maximum(x - size, low)
    moved = np.concatenate([x[None], np.where(np.eye(x.size, dtype=bool), up, x), np.where(np.eye(x.size, dtype=bool), down, x)])
    found = values(moved)
    return float(found[0]), (found[1 : x.size + 1] - found[x.size + 1 :]) / (up - down)
