"""The best run without the churn that was searched for: a second search over what was free beside it."""

from __future__ import annotations

from dataclasses import replace

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
) -> StillPart | None:
    """Its numbers, grid and errors; None where nothing but churn was free, or the grid was."""
    beside = [name for name in result.family if name not in CHURN]
    if not beside or schedule is None:
        return None
    still = replace(problem, solver=replace(problem.solver, s_churn=0.0))  # type: ignore[call-arg]
    try:
        found = search(still, objective, beside, None, schedule)
        errors = evaluate(replace(still, process=found.process), found.grid, found.eta, expand=False)
    except DiffoptError:
        return None
    return StillPart(
        family=dict(found.family), sigmas=[finite(s) for s in found.grid.sigmas], robust=errors.robust, frechet=errors.frechet
    )
