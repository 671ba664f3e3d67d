"""The best run without the churn that was searched for, a second search over what was free beside it, and its start."""

from __future__ import annotations

from dataclasses import replace

from diffopt.api.higher import needed
from diffopt.documents.build import finite
from diffopt.documents.schemas import StillPart
from diffopt.errors import DiffoptError
from diffopt.objectives import Objective
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.schedules import Schedule
from diffopt.search.descent import optimize as search
from diffopt.search.knobs import CHURN
from diffopt.search.result import OptimizeResult


def best_without_churn(
    problem: Problem, objective: Objective, result: OptimizeResult, schedule: Schedule | None
) -> tuple[StillPart | None, float | None]:
    """Its numbers, grid and errors, None where nothing but churn was free, or the grid was; the sigma_max that it needs."""
    still = replace(problem, solver=replace(problem.solver, s_churn=0.0))  # type: ignore[call-arg]
    found = _searched(still, objective, result, schedule)
    run, best = (result, None) if found is None else found
    alone = replace(still, process=run.process)
    return best, needed(alone, evaluate(alone, run.grid, run.eta, expand=False))


def _searched(
    still: Problem, objective: Objective, result: OptimizeResult, schedule: Schedule | None
) -> tuple[OptimizeResult, StillPart] | None:
    """The search without churn, and what is told of it."""
    beside = [name for name in result.family if name not in CHURN]
    if not beside or schedule is None:
        return None
    try:
        found = search(still, objective, beside, None, schedule)
        errors = evaluate(replace(still, process=found.process), found.grid, found.eta, expand=False)
    except DiffoptError:
        return None
    sigmas = [finite(s) for s in found.grid.sigmas]
    return found, StillPart(family=dict(found.family), sigmas=sigmas, robust=errors.robust, frechet=errors.frechet)
