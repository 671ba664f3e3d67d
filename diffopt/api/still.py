"""The best run without the churn that was searched for, a second search over what was free beside it, and its start."""

from __future__ import annotations

from dataclasses import replace

from diffopt.api.higher import needed
from diffopt.documents.build import finite
from diffopt.documents.schemas import StillPart
from diffopt.errors import DiffoptError
from diffopt.objectives import Objective
from diffopt.objectives.evaluation import Evaluation, evaluate
from diffopt.objectives.problem import Problem
from diffopt.schedules import Schedule
from diffopt.search.descent import optimize as search
from diffopt.search.knobs import CHURN
from diffopt.search.result import OptimizeResult


def best_without_churn(
    problem: Problem, objective: Objective, result: OptimizeResult, schedule: Schedule | None
) -> tuple[StillPart | None, float | None]:
    """Its numbers, grid and errors, None where nothing but churn was free, or the grid was; the sigma_max that it needs."""
    still = replace(problem, solver=problem.solver.without_churn())
    found = _searched(still, objective, result, schedule)
    run, errors = (result, _errors(still, result)) if found is None else found
    higher = needed(replace(still, process=run.process), errors)
    if found is None:
        return None, higher
    sigmas = [finite(s) for s in run.grid.sigmas]
    return StillPart(family=dict(run.family), sigmas=sigmas, robust=errors.robust, frechet=errors.frechet), higher


def _searched(
    still: Problem, objective: Objective, result: OptimizeResult, schedule: Schedule | None
) -> tuple[OptimizeResult, Evaluation] | None:
    """The search without churn, and its errors."""
    beside = [name for name in result.family if name not in CHURN]
    if not beside or schedule is None:
        return None
    try:
        found = search(still, objective, beside, None, schedule)
        return found, _errors(still, found)
    except DiffoptError:
        return None


def _errors(still: Problem, run: OptimizeResult) -> Evaluation:
    return evaluate(replace(still, process=run.process), run.grid, run.eta, expand=False)
