"""Parameters of a schedule family, of the process and of EDM's churn as free variables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.foundation.complex_step import STEP
from diffopt.law.gradient import Direction, moved_process
from diffopt.objectives.problem import Problem
from diffopt.processes import Process
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.search.knobs import CHURN, EMPTY, LEAST, Family, beyond, window_levels
from diffopt.search.variables import Block, State, touches
from diffopt.solvers import Solver

#: Step of central differences of rules that take no complex numbers: rounding and truncation are 1e-11 of a level.
DIFFERENCE = 1e-5


class FamilyBlock(Block):
    """Parameters of a schedule family, of the process and of the solver, as multiples of their start.

    The grid follows the schedule; its derivative by a parameter is taken by a complex step, or by central differences
    where the rule takes no complex numbers. `names` are the free ones, None all of them.
    """

    def __init__(self, problem: Problem, schedule: Schedule, move_grid: bool, names: Iterable[str] | None = None) -> None:
        self.problem, self.schedule = problem, schedule
        found = Family.create(problem, schedule, move_grid, names)
        self.knobs, self.sides = found.knobs, found.sides
        # A grid that no free number moves stays as the schedule placed it.
        self.move_grid = move_grid and any(knob.owner != "solver" for knob in self.knobs)
        self.span: Span = (problem.compressed() if schedule.kind == "spectrum" else problem).span
        self.analytic = schedule.analytic and bool(np.isfinite(problem.sigma_max))
        # First and last step that churns; None leaves the solver's own s_tmin and s_tmax.
        self.window: tuple[int, int] | None = None
        self.bounds = [k.bounds for k in self.knobs]

    def start(self, state: State) -> Array:
        """Zeros: the family as it was named."""
        return np.zeros(len(self.knobs))

    def values(self, x: Array) -> dict[str, float]:
        """Parameters by name."""
        return {k.name: float(k.at(v)) for k, v in zip(self.knobs, x, strict=True)}

    def reported(self, x: Array, solver: Solver) -> dict[str, float]:
        """As :meth:`values`, the solver's as it has them, with the window of its churn where it has one."""
        values = self.values(x)
        values |= {k.name: float(getattr(solver, k.name)) for k in self.knobs if k.owner == "solver"}
        ends = {name: float(getattr(solver, name)) for name in sorted(self.sides, reverse=True)}
        return values | {k: v for k, v in ends.items() if 0 < v < np.inf}

    def started(self) -> dict[str, float]:
        """Where the search begins, the solver's numbers as it has them."""
        ends = {name: float(getattr(self.problem.solver, name)) for name in sorted(self.sides, reverse=True)}
        solver = {k.name: float(getattr(self.problem.solver, k.name)) for k in self.knobs if k.owner == "solver"}
        return {k.name: k.value for k in self.knobs} | solver | {k: v for k, v in ends.items() if 0 < v < np.inf}

    def _levels(self, x: NDArray[Any], process: Process) -> NDArray[Any]:
        """The family's noise ratios at (possibly complex) parameters."""
        own, ends = self._owned("schedule", x), self._owned("range", x)
        span: Span = replace(self.span, process=process, **ends)
        if span.steps == 1:
            return np.array([span.sigma_max, 0.0 if span.end == "zero" else span.sigma_min])
        try:
            with np.errstate(all="ignore"):
                levels = (replace(self.schedule, **own) if own else self.schedule).levels(span)  # type: ignore[type-var]
        except OverflowError:  # of Python's own numbers
            raise UnsupportedError(f"schedule {self.schedule.name!r} leaves the range of doubles at {own | ends}") from None
        levels = np.append(levels, 0.0) if span.end == "zero" and levels[-1] != 0 else levels
        if levels.size != span.steps + 1:
            raise UnsupportedError(f"schedule {self.schedule.name!r} has no grid of {span.steps} steps at {ends}")
        return levels

    def _owned(self, owner: str, x: NDArray[Any]) -> dict[str, Any]:
        """Parameters of one owner by name, at (possibly complex) variables."""
        return {k.name: k.at(v) for k, v in zip(self.knobs, x, strict=True) if k.owner == owner}

    def _moved(self, x: NDArray[Any]) -> Process:
        """The process at its parameters."""
        return moved_process(self.problem.process, self._owned("process", x))

    def place(self, x: Array, state: State) -> State:
        """Schedule, process and solver at the parameters."""
        process, solver_fields = self._moved(x), self._owned("solver", x)
        if np.isfinite(self.problem.sigma_max) and process.sigma_limits[0] < self.problem.sigma_max:
            raise UnsupportedError(f"process {process.name!r} no longer reaches sigma {self.problem.sigma_max:g}")
        sigma = self._levels(x, process).real if self.move_grid else state.sigma
        if self.window == EMPTY:
            solver_fields |= beyond(sigma, state.solver, self.sides)
        elif self.window is not None:
            solver_fields |= {k: v for k, v in window_levels(sigma, *self.window).items() if k in self.sides}
        try:
            solver = replace(state.solver, **solver_fields) if solver_fields else state.solver
        except InputError as error:  # a window that ends before it begins
            raise UnsupportedError(str(error)) from None
        if self.move_grid and not (np.all(sigma[:-1] > sigma[1:]) and sigma[-1] >= 0):
            raise UnsupportedError(f"schedule {self.schedule.name!r} does not decrease at {self.values(x)}")
        return replace(state, sigma=sigma, process=process, solver=solver)

    def apply(self, x: Array, state: State) -> State:
        """As :meth:`place`, with the derivative by each parameter."""
        placed = self.place(x, state)
        movable = np.isfinite(placed.sigma) & (placed.sigma > 0)
        directions = []
        for i, knob in enumerate(self.knobs):
            slope = None
            if self.move_grid and knob.owner != "solver":
                slope = np.where(movable, self._rise(x, i) / np.where(movable, placed.sigma, 1.0), 0.0)
            value = knob.slope(float(x[i]))
            directions.append(
                Direction(
                    slope,
                    {knob.name: value} if knob.owner == "process" else None,
                    {knob.name: value} if knob.owner == "solver" else None,
                )
            )
        return replace(placed, directions=(*state.directions, *directions))

    def _rise(self, x: Array, i: int) -> Array:
        """Derivative of the levels by one variable."""
        step = np.zeros(x.size)
        step[i] = 1.0
        if self.analytic:
            moved = x + 1j * STEP * step
            return np.asarray(self._levels(moved, self._moved(moved)).imag / STEP)
        # One-sided at a bound: the range of a process may end there.
        low, high = self.bounds[i]
        up, down = min(DIFFERENCE, max(high - x[i], 0.0)), min(DIFFERENCE, max(x[i] - low, 0.0))
        with np.errstate(invalid="ignore"):
            ends = [self._levels(y, self._moved(y)) for y in (x + up * step, x - down * step)]
            return np.asarray((ends[0] - ends[1]) / (up + down))

    def at_bound(self, x: Array) -> list[str]:
        """Parameters at the end of the range that is searched; the least churn is none, which is no end of it."""
        held = {k.name: float(k.at(v)) for k, v, ends in zip(self.knobs, x, self.bounds, strict=True) if touches(float(v), *ends)}
        if held.get("s_churn", 1.0) <= 2 * LEAST:
            held = {name: value for name, value in held.items() if name not in CHURN}
        return [f"{name} {value:g}" for name, value in held.items()]

    def pull_back(self, x: Array, by_grid: Array, by_eta: Array, along: Array) -> Array:
        """Derivatives along the directions."""
        return along
