"""From flags to the numbers of an error budget: which sampler is meant, and what it needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from diffopt.api.flags import GROUPS
from diffopt.api.grids import check_answered, given_grid, grid_problem
from diffopt.api.notes import mismatch_notes
from diffopt.data.dataset import Dataset
from diffopt.documents.chosen import make_schedule
from diffopt.documents.question import make_problem
from diffopt.documents.settings import Settings
from diffopt.documents.values import number
from diffopt.errors import InputError
from diffopt.foundation.names import check_name
from diffopt.foundation.notes import note
from diffopt.law.start import STARTS
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.schedules import HABIT
from diffopt.studies.budget.grid_rule import GivenRule, ScheduledRule
from diffopt.studies.budget.knobs import FLOW_TOP, Knobs

#: Flags of a diffusion sampler, beside those that say one is meant and its range as noise ratios.
DIFFUSION = {
    flag.name: flag.long for group in ("solver", "churn", "process", "range", "end") for flag in GROUPS[group][1]
    if flag.name not in ("sigma_max", "sigma_min")
}  # fmt: skip


def make_knobs(
    settings: Settings, data: Dataset, said: Mapping[str, Any], grid: Any, samples: Any, tau: Any, iterations: Any,
    precondition: bool, langevin: Any,
) -> Knobs:  # fmt: skip
    """Check the numbers and choose the sampler.

    Raises
    ------
    InputError
        A value that is not allowed, or flags that exclude each other.
    """
    common: dict[str, Any] = {
        "spectrum": data.spectrum, "eta": settings.eta, "start": settings.start, "precondition": bool(precondition),
        "samples": _positive(samples, "samples", 2), "tau": _positive(tau, "tau"), "iterations": _whole(iterations),
    }  # fmt: skip
    if tau is None and (iterations is not None or precondition):
        raise InputError("--iterations and --precondition belong to --tau, the step size of the training; give it")
    check_name(settings.start, STARTS, "start")
    if langevin is not None:
        return _langevin(settings, said, grid, _positive(langevin, "langevin"), common)
    listed = given_grid(grid)
    if listed is not None:
        check_answered(listed, {**said, "steps": said.get("steps")})
        if settings.schedule is not None:
            raise InputError("give a grid or --schedule, not both")
        settings = listed.fill(settings, set(said))
        problem, sigmas = grid_problem(listed, settings, data)
        for line in mismatch_notes(listed, problem, said):
            note(line)
        return _diffusion(problem, GivenRule(Grid.create(problem.process, sigmas)), settings, common)
    if {"solver", "steps", "schedule"} & set(said):
        # A smallest noise that is named is where the sampler stops; otherwise it goes on to 0.
        if "end" not in said and {"sigma_min", "t_min"} & set(said):
            settings = settings.replace(end="sigma_min")
        if settings.schedule is None:
            note(f"note: no grid is given, so {HABIT} is taken; --schedule NAME, or a file of `diffopt optimize`, is another")
        schedule = make_schedule(settings.schedule or HABIT)
        return _diffusion(make_problem(settings, data), ScheduledRule(schedule), settings, common)
    return _flow(settings, said, common)


def _diffusion(problem: Problem, make_grid: GivenRule | ScheduledRule, settings: Settings, common: dict[str, Any]) -> Knobs:
    if problem.solver.error is not None:
        raise InputError("--score-error and the errors of a budget exclude each other")
    if settings.eta is not None:
        problem.solver.etas(settings.eta, problem.steps)
    return Knobs(problem=problem, make_grid=make_grid, **common)


def _flow(settings: Settings, said: Mapping[str, Any], common: dict[str, Any]) -> Knobs:
    if common["tau"] is not None:
        raise InputError("a trained score needs the levels it is called at: give --steps, a grid file or --langevin")
    for name, flag in DIFFUSION.items():
        if name in said:
            raise InputError(f"{flag} belongs to a sampler with steps; give --solver or --steps")
    if settings.eta is not None and settings.start == "exact":
        raise InputError("--eta has no effect: the reverse flow is exact at any eta; give --solver or --steps, or --start sigma")
    low, high = _range(settings)
    if low is not None and high is not None and low >= high:
        raise InputError(f"need sigma-max > sigma-min, got {high:g} and {low:g}")
    return Knobs(sigma_max=FLOW_TOP if high is None else high, sigma_min=low, **common)


def _langevin(settings: Settings, said: Mapping[str, Any], grid: Any, gamma: float | None, common: dict[str, Any]) -> Knobs:
    others = {"solver": "--solver", "schedule": "--schedule", "eta": "--eta", **DIFFUSION}
    named = ["the grid"] * (grid is not None) + [flag for name, flag in others.items() if name in said]
    if named:
        raise InputError(f"{named[0]} has no effect: --langevin is a sampler of its own; leave it out")
    low, high = _range(settings)
    if low is None:
        raise InputError("--langevin needs --sigma-min, the noise ratio at which the chain runs")
    steps = settings.steps if "steps" in said else None
    if settings.start != "exact" and steps is None:
        raise InputError("--start has no effect on the stationary law; give --steps, or leave it out")
    if settings.start != "exact" and high is None:
        raise InputError(f"--start {settings.start} needs --sigma-max, the noise ratio it starts from")
    return Knobs(langevin=gamma, sigma_min=low, sigma_max=high, steps=steps, **common)


def _range(settings: Settings) -> tuple[float | None, float | None]:
    return _positive(settings.sigma_min, "sigma-min"), _positive(settings.sigma_max, "sigma-max")


def _positive(value: Any, name: str, least: float = 0.0) -> float | None:
    if value is None:
        return None
    found = number(value, name)
    if not math.isfinite(found) or found <= 0 or found < least:
        allowed = f"at least {least:g}" if least else "positive"
        raise InputError(f"{name} = {value} is not allowed: it must be {allowed} and finite")
    return found


def _whole(value: Any) -> int | None:
    found = _positive(value, "iterations", 1)
    if found is not None and not found.is_integer():
        raise InputError(f"iterations = {value} is not allowed: it must be a whole number")
    return None if found is None else int(found)
