"""Values of many designs: grids of one pattern side by side, equal ones once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array, digits
from diffopt.objectives import Objective
from diffopt.objectives.problem import Problem
from diffopt.processes.points import Points
from diffopt.search.variables import State
from diffopt.solvers import build_table
from diffopt.solvers.panels import NODES
from diffopt.solvers.table import Table

#: Numbers (nodes times grids) in one batch, and of branches of steps with a random fraction.
BATCH, BRANCHES = 4096, 512


class Scorer:
    """Objective of designs on a prepared spectrum.

    Attributes
    ----------
    count : int
        Designs scored so far.
    refusal : str
        The last reason why a design has no value.
    floor : float
        Root of the smallest eigenvalue.
    """

    def __init__(self, problem: Problem, objective: Objective, spectrum: Spectrum) -> None:
        self.problem, self.objective, self.spectrum = problem, objective, spectrum
        self.count, self.refusal = 0, ""
        self.floor = float(np.sqrt(spectrum.eig.min()))

    def scores(self, states: Sequence[State], nodes: int = NODES) -> Array:
        """Value of each, infinite where it has none, shape (len(states),); `nodes`: of averages over random fractions."""
        made = {id(s.solver): s.solver.averaged(nodes, self.floor) for s in states if s.solver.nodes > 1}
        states = [replace(s, solver=made[id(s.solver)]) for s in states] if made else states
        groups: dict[tuple[object, ...], list[int]] = {}
        seen: dict[bytes, int] = {}
        same = np.arange(len(states))
        rows = [np.concatenate([state.sigma, state.eta]) for state in states]
        for i, (state, content) in enumerate(zip(states, digits(np.array(rows)), strict=True)):
            same[i] = seen.setdefault(content + str((id(state.process), id(state.solver))).encode(), i)
            if same[i] == i:
                ends = (bool(np.isinf(state.sigma[0])), bool(state.sigma[-1] == 0))
                groups.setdefault((id(state.process), id(state.solver), *ends), []).append(i)
        values = np.full(len(states), np.inf)
        for members in groups.values():
            values[members] = self._group([states[i] for i in members])
        return np.asarray(values[same])

    def stack(self, like: State, sigma: Array, eta: Array) -> Array:
        """Values of designs that differ in grid and eta alone, arrays (B, N + 1) and (B, N), shape (B,)."""
        states = [State(s, e, like.process, like.solver) for s, e in zip(sigma, eta, strict=True)]
        return self._group(states)

    def _group(self, states: list[State]) -> Array:
        nodes = states[0].solver.nodes
        size = max(1, (BATCH if nodes == 1 else BRANCHES // nodes) // states[0].sigma.size)
        parts = [states[a : a + size] for a in range(0, len(states), size)]
        return np.concatenate([self._together(part) if len(part) > 1 else self._apart(part) for part in parts])

    def _together(self, states: list[State]) -> Array:
        """All in one table; one by one where a grid among them has no table or the objective takes one at a time."""
        if states[0].solver.error is not None:
            return self._apart(states)
        try:
            table = self._table(states[0], np.stack([s.sigma for s in states]), np.stack([s.eta for s in states]))
            if table.error is not None or not self.objective.stackable:
                return self._apart(states)
            with np.errstate(all="ignore"):
                values = self.objective.values(table.columns(), self.spectrum, self.problem.start)
        except UnsupportedError:
            return self._apart(states)
        self.count += len(states)
        return values

    def _apart(self, states: list[State]) -> Array:
        return np.array([self._one(state) for state in states])

    def _one(self, state: State) -> float:
        self.count += 1
        try:
            table = self._table(state, state.sigma, state.eta)
            with np.errstate(all="ignore"):
                value = self.objective.value(table, self.spectrum, self.problem.start)
        except UnsupportedError as error:
            self.refusal = str(error)
            return float("inf")
        return value if np.isfinite(value) else float("inf")

    @staticmethod
    def _table(state: State, sigma: Array, eta: Array) -> Table:
        return build_table(state.solver, Points.create(state.process, sigma), eta)
