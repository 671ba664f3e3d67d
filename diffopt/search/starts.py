"""Named schedules as starting points and as baselines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffopt.errors import DiffoptError
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.schedules import HABIT, SCHEDULES, SLOW
from diffopt.solvers import Solver

#: Schedules that a result is shown beside.
BASELINES = (HABIT, "exponential", "uniform_t", "uniform_flow", "vp", "kl_optimal", "sgm_uniform", "beta")


def quick_starts(solver: Solver) -> list[str]:
    """Schedules that cost next to nothing: those of the range alone, tables, and the leading-order optimum."""
    return [name for name in SCHEDULES if name not in SLOW and SCHEDULES[name].suits(solver)]


# What has no meaning here is refused by the grid, so numpy need not speak of it.
@np.errstate(all="ignore")
def applicable(problem: Problem, names: Sequence[str] | None = None) -> dict[str, Grid]:
    """Grids of the named schedules (default: the quick ones) that have a meaning for the problem."""
    span = problem.compressed().span
    grids = {}
    for name in names if names is not None else quick_starts(problem.solver):
        try:
            grid = SCHEDULES[name]().grid(span)
        except DiffoptError:
            continue
        # With sigma_min = 0 some rules reach 0 one level early.
        if grid.steps == problem.steps:
            grids[name] = grid
    return grids
