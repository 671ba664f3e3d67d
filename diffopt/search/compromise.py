"""One grid for two schemes: the geometric mean, point by point, of the grids that are best for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.search.result import OptimizeResult
from diffopt.solvers import SOLVERS


def compromise(
    problem: Problem, search: Callable[[Problem], OptimizeResult], score: Callable[[Grid], float]
) -> OptimizeResult:
    """Grid for a solver whose coefficients are fitted to whatever grid it gets (theory.md, eq. 134).

    Parameters
    ----------
    problem : Problem
        With a solver that names `grid_solvers`.
    search : callable
        Optimizes the grid of a problem.
    score : callable
        Objective of a grid with the fitted solver.

    Returns
    -------
    OptimizeResult
        Converged where every search is.
    """
    names = problem.solver.grid_solvers
    found = [search(replace(problem, solver=SOLVERS[name]())) for name in names]
    with np.errstate(divide="ignore"):
        logs = np.mean([np.log(each.grid.sigmas) for each in found], axis=0)
    sigmas = np.exp(logs)
    sigmas[0], sigmas[-1] = found[0].grid.sigmas[0], found[0].grid.sigmas[-1]
    grid = Grid.create(problem.process, sigmas)
    first = found[0]
    return replace(
        first, grid=grid, solver=problem.solver, value=score(grid), converged=all(each.converged for each in found),
        message=f"geometric mean of the grids of {' and '.join(names)}; " + "; ".join(each.message for each in found),
        evaluations=sum(each.evaluations for each in found) + 1, eta=problem.solver.etas(None, problem.steps), scores={},
    )  # fmt: skip
