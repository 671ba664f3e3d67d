"""The problem that settings ask about some data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.documents.chosen import MODEL, Chosen
from diffopt.documents.options import fields_of
from diffopt.documents.settings import Settings
from diffopt.errors import InputError
from diffopt.foundation.names import check_name
from diffopt.law.start import STARTS
from diffopt.objectives.problem import Problem
from diffopt.processes import Process, TrainedLevels
from diffopt.processes.span import ENDS
from diffopt.solvers import Solver


def make_problem(
    settings: Settings, data: Dataset, solver: Any = None, steps: int | None = None, strict: bool = True
) -> Problem:
    """Problem of the settings; `solver` and `steps` instead of theirs where lists are gone through."""
    chosen = Chosen.create(settings, solver, strict)
    count = settings.steps if steps is None else steps
    chosen.check_order(count)
    process = chosen.process
    high = _sigma(settings.sigma_max, settings.t_max, process, "max")
    low = _sigma(settings.sigma_min, settings.t_min, process, "min")
    for name, value, known in (("end", settings.end, ENDS), ("start", settings.start, STARTS)):
        check_name(value, known, name)
    return Problem.create(
        data, process, with_error(chosen.solver, settings, data), count, high, low,
        settings.end, settings.start,  # type: ignore[arg-type]
    )  # fmt: skip


def make_problems(settings: Settings, data: Dataset, solvers: Sequence[Any], steps: int | None = None) -> list[Problem]:
    """Problems that differ in their solver alone; an option or a clock need not be every solver's."""
    strict = len(solvers) == 1
    found: list[Problem] = []
    for solver in solvers:
        found.append(make_problem(settings, data, solver, steps, strict))
        settings = settled(settings, found[0])
    return found


def settled(settings: Settings, problem: Problem) -> Settings:
    """Settings with the process and the score error of a problem that was made of them: their files are read once."""
    by_config = settings.scheduler_config is not None
    own = {*fields_of(type(problem.process)), *(MODEL if by_config else ())}
    return settings.replace(
        process=problem.process, score_error=problem.solver.error, alphas_cumprod=None, betas=None, scheduler_config=None,
        options={k: v for k, v in settings.options.items() if k not in own},
    )  # fmt: skip


def with_error(solver: Solver, settings: Settings, data: Dataset) -> Solver:
    """The solver with the score error of the settings."""
    if settings.score_error is None:
        return solver
    from diffopt.documents.loss_curve import make_score_error

    return replace(solver, error=make_score_error(settings.score_error, data.spectrum))


def _sigma(sigma: float | None, time: float | None, process: Process, side: str) -> float | None:
    """Noise ratio given as --sigma-max/min or as --t-max/min."""
    if time is None:
        return sigma
    if sigma is not None:
        raise InputError(f"give --sigma-{side} or --t-{side}, not both")
    if process.time_is_sigma:
        return time
    upper = process.log_sigma.size - 1 if isinstance(process, TrainedLevels) else 1.0
    if not 0 <= time <= upper:
        raise InputError(f"t-{side} must lie in [0, {upper:g}] for process {process.name!r}, got {time:g}")
    if time == process.start_time():
        return float("inf")
    return float(process.sigma(np.array([time]))[0])
