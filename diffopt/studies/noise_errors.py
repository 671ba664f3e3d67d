"""The three errors of a problem on a fixed grid as functions of eta, for many eta at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

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
    order (errors of steps may cancel); `absolute`: the same with every local error in absolute value. On a short spectrum,
    unless it is `whole`.
    """

    def __init__(self, problem: Problem, grid: Grid, solver: Solver, whole: bool = False) -> None:
        self.problem, self.grid, self.solver = problem if whole else problem.compressed(), grid, solver
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

    def groups(self, etas: Array, objectives: tuple[str, ...], count: int) -> Array:
        """The same, shape (count, len(objectives), B), of spectra of equal lengths that stand one after the other.

        Raises
        ------
        UnsupportedError
            The scheme has no table.
        """
        with np.errstate(all="ignore"):
            parts = [[np.atleast_2d(self._residuals(name, table)) for name in objectives] for table in self.tables(etas)]
            rest = np.concatenate([np.array(part) for part in parts], axis=1)
            rest = rest.reshape(*rest.shape[:2], -1, count, self.problem.spectrum.eig.size // count)
            values = np.sqrt(np.einsum("obmgd,obmgd->gob", rest, rest))
        return np.asarray(np.where(np.isfinite(values), values, np.inf))

    @cached_property
    def stacks(self) -> bool:
        """Whether runs of several etas stand in one table."""
        self.every(np.zeros((2, self.grid.steps)), ("exact",))
        return self._together

    def tables(self, etas: Array) -> Iterator[Table]:
        """Tables of lists of etas, shape (B, N): of all of a batch, or of one run each where runs do not stack.

        Raises
        ------
        UnsupportedError
            The scheme has no table.
        """
        size = max(1, BATCH // (self.grid.sigmas.size * self.problem.spectrum.eig.size)) if self.stacks else 1
        for a in range(0, len(etas), size):
            if self._together:
                yield build_table(self.solver, self._points_of(len(etas[a : a + size])), etas[a : a + size]).columns()
            else:
                yield run_table(self.solver, self.grid, etas[a])

    def residuals(self, objective: str, etas: Array) -> Array:
        """What an objective is the root of the sum of squares of, at B lists of etas: shape (B, m)."""
        spectrum = self.problem.spectrum
        try:
            with np.errstate(all="ignore"):
                found = [self._residuals(objective, table) for table in self.tables(etas)]
        except UnsupportedError:
            # One without a table spoils a batch.
            if len(etas) > 1:
                return np.concatenate([self.residuals(objective, eta[None]) for eta in etas])
            return np.full((1, spectrum.eig.size * (1 if spectrum.mean is None else 2)), np.inf)
        return np.concatenate([rest if rest.ndim == 2 else rest[None] for rest in found])

    def _residuals(self, objective: str, table: Table) -> Array:
        spectrum, start = self.problem.spectrum, self.problem.start
        if objective == "exact":
            return Discretization().residuals(table, spectrum, start)
        return LocalDefects(table, spectrum, start).residuals(objective == "absolute")

    def _part(self, etas: Array, objectives: tuple[str, ...]) -> Array:
        if self._together and len(etas) > 1:
            with np.errstate(all="ignore"):
                table = self._table(etas)
                if table is not None and table.maps is None and table.error is None:
                    return self._values(table.columns(), objectives)
            # One without a table spoils a batch; maps and errors that are nodes of their own take one run at a time.
            self._together = table is None
        with np.errstate(all="ignore"):
            found = [self._values(run_table(self.solver, self.grid, eta), objectives) for eta in etas]
        return np.stack(found, axis=1)

    def _table(self, etas: Array) -> Table | None:
        """All runs in one table; None where one among them has none."""
        try:
            return build_table(self.solver, self._points_of(len(etas)), etas)
        except UnsupportedError:
            return None

    def _points_of(self, count: int) -> Points:
        if count not in self._points:
            self._points[count] = Points.create(self.grid.process, np.tile(self.grid.sigmas, (count, 1)))
        return self._points[count]

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
