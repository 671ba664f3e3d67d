"""Named schedules beside a result: their errors, and the promise that none of them is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.objectives import Objective
from diffopt.objectives.evaluation import Evaluation, evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.search.result import OptimizeResult

#: Relative gain that is more than rounding.
ROUNDING = 1e-9


def baselines(problem: Problem, eta: float | Array | None, grids: Mapping[str, Grid]) -> dict[str, Evaluation]:
    """Errors of the grids of named schedules."""
    short = problem.compressed("reference")
    return {name: evaluate(short, grid, eta, expand=False) for name, grid in grids.items()}


def best_of(
    problem: Problem,
    objective: Objective,
    eta: float | Array | None,
    found: tuple[OptimizeResult, Evaluation],
    grids: Mapping[str, Grid],
    beside: dict[str, Evaluation],
) -> tuple[OptimizeResult, Evaluation]:
    """The result, or the baseline that is better on the full spectrum, with its evaluation.

    The search runs on a short spectrum, and so do the baselines: where one looks better than the result it is
    evaluated in full, and `beside` then has that evaluation.
    """
    result, evaluation = found
    if objective.name not in evaluation.values:
        return found
    for name in sorted(beside, key=lambda key: _value(beside[key], objective)):
        if not _better(beside[name], evaluation, objective):
            break
        full = evaluate(problem, grids[name], eta)
        beside[name] = full
        if _better(full, evaluation, objective):
            evaluation = full
            result = replace(
                result, grid=grids[name], eta=problem.solver.etas(eta, problem.steps), solver=problem.solver,
                process=problem.process, value=result.scores.get(name, _value(full, objective)), family={},
                message=f"the schedule {name} is better than what the search found and is returned; search: {found[0].message}",
            )  # fmt: skip
    return result, evaluation


def _value(evaluation: Evaluation, objective: Objective) -> float:
    value = evaluation.values.get(objective.name)
    return np.inf if value is None else value


def _better(one: Evaluation, other: Evaluation, objective: Objective) -> bool:
    return _value(one, objective) < _value(other, objective) * (1 - ROUNDING)
