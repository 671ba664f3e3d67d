"""Named schedules beside a result: their errors, and the promise that none of them is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.objectives import Objective
from diffopt.objectives.evaluation import Evaluation, evaluate
from diffopt.objectives.problem import Problem
from diffopt.objectives.robust import Robust, amplifies
from diffopt.processes.grid import Grid
from diffopt.schedules import HABIT, NO_CHURN
from diffopt.search.compromise import ROUNDING
from diffopt.search.result import OptimizeResult
from diffopt.search.starts import applicable


def baselines(problem: Problem, eta: float | Array | None, grids: Mapping[str, Grid]) -> dict[str, Evaluation]:
    """Errors of the grids of named schedules."""
    short = problem.compressed("reference")
    return {name: evaluate(short, grid, eta, expand=False) for name, grid in grids.items()}


def without_churn(problem: Problem, grids: Mapping[str, Grid]) -> dict[str, Evaluation]:
    """Errors of the Karras grid without churn; empty where the solver has none."""
    if HABIT not in grids or not problem.solver.churn:
        return {}
    still = replace(problem.compressed("reference"), solver=problem.solver.without_churn())
    return {NO_CHURN: evaluate(still, grids[HABIT], expand=False)}


def churn_notes(problems: Iterable[Problem], steps: Mapping[str, Iterable[int]], metric: str) -> list[str]:
    """With which churn the rows of a comparison run, and what Karras has without: it is no row of its own."""
    notes = []
    for problem in problems:
        churn, values = problem.solver.churn, []
        for count in sorted(set(steps.get(problem.solver.name, ()))) if churn else ():
            asked = replace(problem, steps=count)
            found = without_churn(asked, applicable(asked, (HABIT,)))
            values += [f"{e.values[metric]:.4g} at {count} steps" for e in found.values() if e.values.get(metric) is not None]
        if values:
            notes.append(
                f"note: {problem.solver.name} runs with S_churn {churn:g} in every row; karras without churn, EDM's default, "
                f"has {metric} {', '.join(values)} (--s-churn 0, or -s heun)"
            )
    return notes


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
    # Members have no bound on what their errors add up to for all data together.
    local = objective.name == Robust.name and problem.data.members is None

    def value(one: Evaluation) -> float:
        """The objective; infinite where local errors are small and the run amplifies them."""
        of = one.values.get(objective.name)
        return np.inf if of is None or (local and amplifies(one.values.get("frechet"), of)) else of

    why = "" if np.isfinite(value(evaluation)) else _amplified(evaluation)
    for name in sorted(beside, key=lambda key: value(beside[key])):
        if value(beside[name]) >= value(evaluation) * (1 - ROUNDING):
            break
        full = evaluate(problem, grids[name], eta)
        beside[name] = full
        if value(full) < value(evaluation) * (1 - ROUNDING):
            evaluation = full
            result = replace(
                result, grid=grids[name], eta=problem.solver.etas(eta, problem.steps), solver=problem.solver,
                process=problem.process, value=result.scores.get(name, value(full)), family={}, at_bound=(),
                message=f"the schedule {name} is better than what the search found{why} "
                f"and is returned; search: {found[0].message}",
            )  # fmt: skip
    return result, evaluation


def _amplified(evaluation: Evaluation) -> str:
    """What is wrong with a result that has no value."""
    frechet = evaluation.values.get("frechet")
    return "" if frechet is None else f" (a run that amplifies errors: frechet {frechet:.4g})"
