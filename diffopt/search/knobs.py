"""Numbers of a schedule, its range, the process and EDM's churn that a search may vary, and why others are refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffopt.errors import DiffoptError, InputError
from diffopt.foundation.arrays import Array
from diffopt.objectives.problem import Problem
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.solvers import Solver

#: Largest gamma of EDM's churn, and the range of s_noise that is searched: further from 1 the state has another noise
#: than the network is told, which an exact denoiser forgives and a trained one does not.
GAMMA, NOISE = np.sqrt(2) - 1, (0.95, 1.05)
#: Smallest s_churn of the search: no churn, for the logarithm.
LEAST = 1e-6
#: Ends of the window of churn, the two that are chosen among steps and not moved continuously.
SIDES = ("s_tmin", "s_tmax")
CHURN = ("s_churn", "s_noise", *SIDES)
#: Numbers that do not belong to one schedule.
SHARED = ("sigma_min", "sigma_max", *CHURN, "beta_min", "beta_max")


@dataclass(frozen=True)
class Knob:
    """One parameter of a family: where it lives, its value and its bounds; `linear` ones may be 0 or negative.

    Its variable is its logarithm, or for linear ones itself in twentieths of the range.
    """

    owner: str
    name: str
    value: float
    low: float
    high: float
    linear: bool = False

    def at(self, x: Any) -> Any:
        """Value at a (possibly complex) variable; 0 is the value of the start."""
        return self.value + self.unit * x if self.linear else self.value * np.exp(x)

    def slope(self, x: float) -> float:
        """Derivative of the value by the variable."""
        return self.unit if self.linear else float(self.value * np.exp(x))

    def variable(self, value: float) -> float:
        """Variable of a value."""
        return float((value - self.value) / self.unit if self.linear else np.log(value / self.value))

    @property
    def unit(self) -> float:
        """Change of a linear parameter by one of its variable."""
        return (self.high - self.low) / 20

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds of the variable."""
        return self.variable(self.low), self.variable(self.high)


@dataclass(frozen=True)
class Family:
    """What is free: continuous numbers, and ends of the window of churn."""

    knobs: list[Knob]
    sides: frozenset[str]

    @classmethod
    def create(cls, problem: Problem, schedule: Schedule, move_grid: bool, names: Iterable[str] | None) -> Family:
        """All numbers that there are (`names` None), or the named ones.

        Raises
        ------
        InputError
            A name that nothing here has, or one without an effect, with what there is; nothing at all.
        """
        asked = None if names is None else set(names)
        # A rule that is an optimization of its own is made for a range: its ends are free by name only.
        ranged = not schedule.slow or asked is not None
        knobs = [*_schedule_knobs(problem, schedule, ranged)] if move_grid else []
        knobs += [*_process_knobs(problem), *_solver_knobs(problem)]
        sides = SIDES if problem.solver.churns else ()
        if asked is None:
            if not knobs:
                raise InputError(_nothing(problem, schedule))
            return cls(knobs, frozenset(sides))
        there = [knob.name for knob in knobs] + [*sides]
        for name in sorted(asked):
            why = _idle(name, asked, problem) if name in there else _missing(name, problem, schedule, move_grid)
            if why:
                raise InputError(f"--free {name}: {why}" + (f"; free here: {', '.join(there)}" if there else ""))
        return cls([knob for knob in knobs if knob.name in asked], frozenset(asked & set(sides)))


def _nothing(problem: Problem, schedule: Schedule) -> str:
    if schedule.slow:
        return f"schedule {schedule.name!r} optimizes itself for a range and has no other number; name the end: --free sigma_min"
    return (
        f"nothing is free in the family: schedule {schedule.name!r}, process {problem.process.name!r} and "
        f"solver {problem.solver.name!r} have no parameters; use --schedule karras, or --free grid"
    )


def _idle(name: str, asked: set[str], problem: Problem) -> str:
    """Why a number that is there has no effect."""
    if name in CHURN and "s_churn" not in asked and not problem.solver.churn:
        return f"{name} has no effect while s_churn is 0; free s_churn too (--free s_churn,{name}), or give --s-churn"
    return ""


def _missing(name: str, problem: Problem, schedule: Schedule, move_grid: bool) -> str:
    """Why a number is not there."""
    if name in CHURN:
        return f"solver {problem.solver.name!r} has no churn; use -s edm_stochastic"
    if name in ("beta_min", "beta_max"):
        return f"process {problem.process.name!r} has no {name}; use --process vp_linear"
    if not move_grid:
        return "a free grid follows no schedule; leave out grid, or this name"
    return no_end(name, problem) or f"schedule {schedule.name!r} does not read {name} here; use --schedule karras"


def no_end(name: str, problem: Problem) -> str:
    """Why an end of the range cannot be free; empty where it can."""
    if name == "sigma_max" and problem.start == "exact":
        return "from the exact start a shorter range is always better; give the start of your program, --start sigma"
    if name == "sigma_max" and not np.isfinite(problem.sigma_max):
        return "the grid starts at pure noise; give --sigma-max"
    if name == "sigma_min" and problem.end != "zero":
        return "with --end sigma_min it is the noise that stays in the samples; use --end zero"
    if problem.sigma_min <= 0:
        return "sigma_min is 0 here; give --sigma-min, the least that is tried"
    return ""


def reads(schedule: Schedule, span: Span, name: str, value: float) -> bool:
    """Whether the levels of a rule are others with another end of the range."""
    end: Any = {name: value}
    try:
        with np.errstate(all="ignore"):
            own, other = schedule.levels(span), schedule.levels(replace(span, **end))
    except DiffoptError:
        return False
    return own.shape != other.shape or not np.allclose(own[1:], other[1:], rtol=1e-9, atol=0)


def top(problem: Problem) -> float:
    """Largest noise ratio worth a level: sigma_max, or far above the data from pure noise."""
    root = float(np.sqrt(problem.spectrum.max))
    return problem.sigma_max if np.isfinite(problem.sigma_max) else 1e4 * max(1.0, root)


def _schedule_knobs(problem: Problem, schedule: Schedule, ranged: bool) -> list[Knob]:
    knobs = []
    for name in schedule.family:
        value, (low, high, linear) = float(getattr(schedule, name)), schedule.ranges.get(name, (1e-2, 1e3, False))
        knobs.append(Knob("schedule", name, value, min(low, value), max(high, value), linear))
    if not ranged:
        return knobs
    low, high, span = problem.sigma_min, top(problem), problem.compressed().span
    # Ends that pass each other give no grid, which the search sees.
    if not no_end("sigma_min", problem) and reads(schedule, span, "sigma_min", float(np.sqrt(low * high))):
        knobs.append(Knob("range", "sigma_min", low, low, max(high / 2, low)))
    if not no_end("sigma_max", problem) and reads(schedule, span, "sigma_max", float(np.sqrt(low * high))):
        knobs.append(Knob("range", "sigma_max", high, min(2 * low, high), high))
    return knobs


def _process_knobs(problem: Problem) -> list[Knob]:
    values = [(name, problem.process.parameters()[name]) for name in problem.process.family]
    return [Knob("process", n, max(v, 1e-3), min(1e-3, max(v, 1e-3)), max(1e3, v)) for n, v in values]


def _solver_knobs(problem: Problem) -> list[Knob]:
    if not problem.solver.churns:
        return []
    most, noise = float(GAMMA) * problem.steps, max(problem.solver.churn_noise, 1e-3)
    return [
        Knob("solver", "s_churn", min(max(problem.solver.churn, 1e-2), most), LEAST, most),
        Knob("solver", "s_noise", noise, min(NOISE[0], noise), max(NOISE[1], noise)),
    ]


#: The window in which no step lies.
EMPTY = (0, -1)


def window_levels(sigma: Array, first: int, last: int) -> dict[str, float]:
    """s_tmin and s_tmax between levels, so that steps first..last churn and no others (theory.md, eq. 106)."""
    high = float("inf") if first == 0 else _between(float(sigma[first]), float(sigma[first - 1]))
    low = 0.0 if last == sigma.size - 2 else _between(float(sigma[last + 1]), float(sigma[last]))
    return {"s_tmin": low, "s_tmax": high}


def _between(low: float, high: float) -> float:
    """The geometric mean with the fewest digits that leave it in the middle half of the logarithms: all there are as good."""
    middle, room = np.sqrt(low * high), (high / low) ** 0.25
    told = (float(f"{middle:.{digits}g}") for digits in range(1, 16))
    return next((value for value in told if middle / room <= value <= middle * room), float(middle))


def beyond(sigma: Array, solver: Solver, sides: frozenset[str]) -> dict[str, float]:
    """A free end of the window beyond all levels, or at the fixed other one."""
    fixed: Any = solver
    if "s_tmin" in sides:
        return {"s_tmin": float(2 * sigma[0]) if "s_tmax" in sides else min(float(2 * sigma[0]), fixed.s_tmax)}
    return {"s_tmax": max(float(sigma[-2] / 2), fixed.s_tmin)}
