"""The noise ratios at which a start from noise, and an end above 0, stop to matter, for a run that was evaluated."""

from __future__ import annotations

import math

from diffopt.objectives.evaluation import Evaluation
from diffopt.objectives.problem import Problem


def needed(problem: Problem, evaluation: Evaluation) -> float | None:
    """Where the start's error is a quarter of the steps' (theory.md, eq. 441), or the process ends; None at most sigma_max."""
    if problem.start == "exact" or evaluation.discretization is None or not math.isfinite(problem.sigma_max):
        return None
    # Most runs begin exactly.
    from diffopt.studies.covering import SHARE, covering_sigma

    found = covering_sigma(problem.compressed().spectrum, problem.start, SHARE * evaluation.discretization)
    if found is None:
        return None
    found = min(found, problem.process.sigma_limits[0])
    return found if found > problem.sigma_max * (1 + 1e-9) else None


def needed_end(problem: Problem, evaluation: Evaluation) -> float | None:
    """Where what is left above 0 is a quarter of the steps' error (eq. 444), or the process ends; None at least sigma_min."""
    left, steps = evaluation.truncation, evaluation.discretization
    if problem.end == "zero" or not left or not steps:
        return None
    # Most runs end at 0.
    from diffopt.studies.covering import SHARE, finest_sigma

    if left <= SHARE * steps:
        return None
    found = finest_sigma(problem.process, problem.compressed().spectrum, problem.sigma_min, SHARE * steps)
    found = max(found, problem.process.sigma_limits[1])
    return found if found < problem.sigma_min * (1 - 1e-9) else None
