"""Parameters of a schedule family, of the process and of EDM's churn as free variables."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from diffopt.search.variables import Block, State
from diffopt.solvers import Solver

#: Largest gamma of EDM's churn, and the range of s_noise that is searched: further from 1 the state has another noise
#: than the network is told, which an exact denoiser forgives and a trained one does not.
GAMMA, NOISE = np.sqrt(2) - 1, (0.95, 1.05)
#: Smallest s_churn of the search: no churn, for the logarithm.
LEAST = 1e-6


@dataclass(frozen=True)
class Knob:
    """One parameter of a family: where it lives, its value and its bounds."""

    owner: str
    name: str
    value: float
    low: float
    high: float


class FamilyBlock(Block):
    """Parameters of a schedule family, of the process and of the solver, as multiples of their start.

    The grid follows the schedule; its derivative by a parameter is taken by a complex step.
    """

    def __init__(self, problem: Problem, schedule: Schedule, move_grid: bool) -> None:
        self.problem, self.schedule, self.move_grid = problem, schedule, move_grid
        self.knobs = [*_schedule_knobs(problem, schedule)] if move_grid else []
        self.knobs += [*_process_knobs(problem), *_solver_knobs(problem)]
        # First and last step that churns; None leaves the solver's own s_tmin and s_tmax.
        self.window: tuple[int, int] | None = None
        if not self.knobs:
            raise InputError(
                f"nothing is free in the family: schedule {schedule.name!r}, process {problem.process.name!r} and "
                f"solver {problem.solver.name!r} have no parameters; use --schedule karras, or --free grid"
            )
        self.bounds = [(np.log(k.low / k.value), np.log(k.high / k.value)) for k in self.knobs]

    def start(self, state: State) -> Array:
        """Zeros: the family as it was named."""
        return np.zeros(len(self.knobs))

    def values(self, x: Array) -> dict[str, float]:
        """Parameters by name."""
        return {k.name: float(k.value * np.exp(v)) for k, v in zip(self.knobs, x, strict=True)}

    def reported(self, x: Array, solver: Solver) -> dict[str, float]:
        """As :meth:`values`, the solver's as it has them, with the window of its churn where it has one."""
        values = self.values(x)
        values |= {k.name: float(getattr(solver, k.name)) for k in self.knobs if k.owner == "solver"}
        low, high = getattr(solver, "s_tmin", 0.0), getattr(solver, "s_tmax", np.inf)
        return values | ({"s_tmin": low} if low > 0 else {}) | ({"s_tmax": high} if np.isfinite(high) else {})

    def _levels(self, x: NDArray[Any], process: Process) -> NDArray[Any]:
        """The family's noise ratios at (possibly complex) parameters."""
        own, ends = self._owned("schedule", x), self._owned("range", x)
        span: Span = replace(self.problem.span, process=process, **ends)
        if span.steps == 1:
            return np.array([span.sigma_max, 0.0 if span.end == "zero" else span.sigma_min])
        levels = (replace(self.schedule, **own) if own else self.schedule).levels(span)  # type: ignore[type-var]
        return np.append(levels, 0.0) if self.problem.end == "zero" and levels[-1] != 0 else levels

    def _owned(self, owner: str, x: NDArray[Any]) -> dict[str, Any]:
        """Parameters of one owner by name, at (possibly complex) variables."""
        return {k.name: k.value * np.exp(v) for k, v in zip(self.knobs, x, strict=True) if k.owner == owner}

    def _moved(self, x: NDArray[Any]) -> Process:
        """The process at its parameters."""
        return moved_process(self.problem.process, self._owned("process", x))

    def place(self, x: Array, state: State) -> State:
        """Schedule, process and solver at the parameters."""
        process, solver_fields = self._moved(x), self._owned("solver", x)
        if np.isfinite(self.problem.sigma_max) and process.sigma_limits[0] < self.problem.sigma_max:
            raise UnsupportedError(f"process {process.name!r} no longer reaches sigma {self.problem.sigma_max:g}")
        sigma = self._levels(x, process).real if self.move_grid else state.sigma
        if self.window is not None:
            solver_fields |= window_levels(sigma, *self.window)
        solver = replace(state.solver, **solver_fields) if solver_fields else state.solver
        if self.move_grid and not np.all(sigma[:-1] > sigma[1:]):
            raise UnsupportedError(f"schedule {self.schedule.name!r} does not decrease at {self.values(x)}")
        return replace(state, sigma=sigma, process=process, solver=solver)

    def apply(self, x: Array, state: State) -> State:
        """As :meth:`place`, with the derivative by each parameter."""
        placed = self.place(x, state)
        movable = np.isfinite(placed.sigma) & (placed.sigma > 0)
        directions = []
        for i, knob in enumerate(self.knobs):
            moved = x.astype(complex)
            moved[i] += 1j * STEP
            slope = None
            if self.move_grid:
                rise = self._levels(moved, self._moved(moved)).imag / STEP
                slope = np.where(movable, rise / np.where(movable, placed.sigma, 1.0), 0.0)
            value = knob.value * float(np.exp(x[i]))
            directions.append(
                Direction(
                    slope,
                    {knob.name: value} if knob.owner == "process" else None,
                    {knob.name: value} if knob.owner == "solver" else None,
                )
            )
        return replace(placed, directions=(*state.directions, *directions))

    def at_bound(self, x: Array) -> list[str]:
        """Parameters at the end of the range that is searched."""
        pairs = zip(self.knobs, x, self.bounds, strict=True)
        return [
            f"{knob.name} {knob.value * np.exp(v):g}"
            for knob, v, (low, high) in pairs
            if ((knob.owner == "schedule" or knob.name == "s_noise") and not low < v < high)
            or (knob.name == "sigma_min" and v >= high)
        ]

    def pull_back(self, x: Array, by_grid: Array, by_eta: Array, along: Array) -> Array:
        """Derivatives along the directions."""
        return along


def _schedule_knobs(problem: Problem, schedule: Schedule) -> list[Knob]:
    knobs = [Knob("schedule", n, float(getattr(schedule, n)), 1e-2, 1e3) for n in schedule.family]
    low, high = problem.sigma_min, problem.sigma_max
    if not knobs or not np.isfinite(high) or low <= 0:
        return knobs
    if problem.end == "zero":
        # Where both ends are free they must not pass each other.
        most = high / 2 if problem.start == "exact" else np.sqrt(low * high)
        knobs.append(Knob("range", "sigma_min", low, low, max(most, low)))
    if problem.start != "exact":
        # From the exact marginal a shorter range is always better, so sigma_max is free only with a mismatch.
        knobs.append(Knob("range", "sigma_max", high, np.sqrt(low * high), high))
    return knobs


def _process_knobs(problem: Problem) -> list[Knob]:
    if problem.process.name != "vp_linear":
        return []
    fields = problem.process.parameters()
    return [Knob("process", n, max(v, 1e-3), 1e-3, 1e3) for n, v in fields.items()]


def _solver_knobs(problem: Problem) -> list[Knob]:
    churn = getattr(problem.solver, "s_churn", None)
    if churn is None:
        return []
    most, noise = float(GAMMA) * problem.steps, max(float(problem.solver.s_noise), 1e-3)  # type: ignore[attr-defined]
    return [
        Knob("solver", "s_churn", min(max(float(churn), 1e-2), most), LEAST, most),
        Knob("solver", "s_noise", noise, min(NOISE[0], noise), max(NOISE[1], noise)),
    ]


def window_levels(sigma: Array, first: int, last: int) -> dict[str, float]:
    """s_tmin and s_tmax between levels, so that steps first..last churn and no others (theory.md, eq. 106)."""
    high = float("inf") if first == 0 else float(np.sqrt(sigma[first - 1] * sigma[first]))
    low = 0.0 if last == sigma.size - 2 else float(np.sqrt(sigma[last] * sigma[last + 1]))
    return {"s_tmin": low, "s_tmax": high}
