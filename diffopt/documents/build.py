"""From results to documents: the one place that fills the JSON models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from diffopt import __version__
from diffopt.data.sampling import Sampling
from diffopt.data.spectrum import Spectrum
from diffopt.documents.options import options_of
from diffopt.documents.schemas import (
    ChurnPart,
    ErrorsPart,
    ObjectivePart,
    OptimizerPart,
    ProcessPart,
    ScheduleDocument,
    ScorePart,
    SpectrumPart,
)
from diffopt.foundation.nearness import whole
from diffopt.objectives import Objective
from diffopt.objectives.evaluation import Evaluation
from diffopt.objectives.metrics import COMPARED, METRICS
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.schedules import Schedule
from diffopt.search.result import OptimizeResult
from diffopt.solvers import Solver, run_table
from diffopt.studies.claims import Claim

if TYPE_CHECKING:
    from diffopt.documents.evaluation_schema import EvaluationDocument


def evaluation_document(
    problem: Problem, grid: Grid, eta: np.ndarray, evaluation: Evaluation, schedule: Schedule | None,
    references: dict[str, Evaluation] | None = None, needed: float | None = None,
    right: Evaluation | None = None, needed_end: float | None = None,
) -> EvaluationDocument:  # fmt: skip
    """Document of `diffopt evaluate`."""
    from diffopt.documents.evaluation_schema import EvaluationDocument

    return EvaluationDocument(
        **_run(problem, grid, eta, evaluation.denoiser_calls),
        schedule=None if schedule is None else schedule.name,
        schedule_options={} if schedule is None else options_of(schedule),
        sigma_max_needed=needed,
        sigma_min_needed=needed_end,
        errors=_errors(evaluation),
        baselines={name: _score(e) for name, e in (references or {}).items()},
        exact_score=None if right is None else _score(right),
        ratios={name: _ratio(evaluation, e) for name, e in (references or {}).items()},
        spectrum=spectrum_part(problem.spectrum, problem.data.facts),
        diffopt_version=__version__,
    )


def _score(e: Evaluation) -> ScorePart:
    return ScorePart(**{metric: e.values.get(metric) for metric in COMPARED})


def _ratio(own: Evaluation, other: Evaluation) -> ScorePart:
    """Errors over errors; null where one is not defined, or the other 0."""
    pairs = {metric: (own.values.get(metric), other.values.get(metric)) for metric in COMPARED}
    return ScorePart(**{metric: finite(a / b) if a is not None and b else None for metric, (a, b) in pairs.items()})


def schedule_document(
    problem: Problem,
    result: OptimizeResult,
    evaluation: Evaluation,
    baselines: dict[str, Evaluation],
    objective: Objective,
    free: list[str],
    schedule: Schedule | None,
    beats_ends: Claim | None = None,
    churn: ChurnPart | None = None,
    needed: float | None = None,
    needed_end: float | None = None,
    host: str | None = None,
    baseline_eta: list[float] | None = None,
) -> ScheduleDocument:
    """Document of `diffopt optimize`."""
    scored = _objective_value(result, evaluation, objective)
    return ScheduleDocument(
        **_run(problem, result.grid, result.eta, evaluation.denoiser_calls),
        sigma_max_needed=needed,
        sigma_min_needed=needed_end,
        host=host,
        objective=ObjectivePart(name=objective.name, value=scored),
        errors=_errors(evaluation),
        baselines={name: _score(e) for name, e in baselines.items()},
        spectrum=spectrum_part(problem.spectrum, problem.data.facts),
        optimizer=OptimizerPart(
            converged=result.converged,
            message=result.message,
            evaluations=result.evaluations,
            starts=result.starts,
            free=free,
            family=result.family,
            family_start=result.started,
            schedule=None if schedule is None else schedule.name,
            schedule_options={} if schedule is None else options_of(schedule),
            at_bound=list(result.at_bound),
            beats_ends=beats_ends,
            baseline_eta=baseline_eta,
            churn=churn,
        ),
        diffopt_version=__version__,
    )


def _objective_value(
    result: OptimizeResult, evaluation: Evaluation, objective: Objective
) -> float | None:
    """Objective on the full spectrum; over the data's own ensemble as the optimizer saw it."""
    return evaluation.values.get(objective.name) if objective.name in METRICS else finite(result.value)


def _run(problem: Problem, grid: Grid, eta: np.ndarray, calls: int) -> dict[str, Any]:
    """Common part: the grid and the sampler it is for."""
    solver, process = problem.solver, problem.process
    timesteps = grid.timesteps
    return {
        "solver": solver.name,
        "steps": grid.steps,
        "denoiser_calls": calls,
        "clock": solver.clock_name(process),
        "process": process_part(problem),
        "start": problem.start,
        "end": problem.end,
        "sigmas": [finite(s) for s in grid.sigmas],
        "times": [float(t) for t in grid.times],
        "timesteps": None if timesteps is None else [float(t) for t in timesteps],
        "eta": [float(e) for e in eta],
        "eta_meaning": solver.eta_meaning,
        "solver_options": options_of(solver),
        "coefficients": run_table(replace(solver, error=None), grid).output_weights if solver.needs_data else None,
        "score_error": error_text(solver),
    }  # fmt: skip


def error_text(solver: Solver) -> str | None:
    """Score error that the errors were computed with."""
    return None if solver.error is None else solver.error.text or "function"


def process_part(problem: Problem) -> ProcessPart:
    """Process, range, and what makes the process again."""
    process = problem.process
    return ProcessPart(
        name=process.name, sigma_max=finite(problem.sigma_max), sigma_min=problem.sigma_min,
        **process.parameters(), **process.origin(),
    )  # fmt: skip


def _errors(evaluation: Evaluation) -> ErrorsPart:
    return ErrorsPart(**evaluation.errors(), reasons=evaluation.reasons or None)


def spectrum_part(spectrum: Spectrum, facts: Mapping[str, Any] | None = None) -> SpectrumPart:
    """What the errors were computed for; `facts` of an estimate know its scale."""
    sampling = Sampling.of(facts or {}, spectrum.dim)
    return SpectrumPart(
        samples=None if sampling is None else sampling.samples, shrinkage=None if sampling is None else sampling.shrinkage,
        source=spectrum.source, sha256=spectrum.sha256, dim=whole(spectrum.dim), trace=spectrum.trace,
        max=spectrum.max, clipped=spectrum.clipped, scale=known_scale(facts),
    )  # fmt: skip


def known_scale(facts: Mapping[str, Any] | None) -> float | None:
    """Factor from stored numbers to the units of the spectrum; None where the facts do not say it."""
    said = (facts or {}).get("scale")
    scale = said.get("scale") if isinstance(said, Mapping) else None
    return finite(scale) if isinstance(scale, int | float) else None


def finite(value: Any) -> float | None:
    """Finite float, or None for what is absent or infinite."""
    return None if value is None or not math.isfinite(value) else float(value)
