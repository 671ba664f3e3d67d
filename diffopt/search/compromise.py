"""One grid for two schemes: the geometric mean, point by point, of the grids that are best for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.search.result import OptimizeResult
from diffopt.solvers import SOLVERS, Solver


def schemes(problem: Problem, free: Sequence[str]) -> tuple[Solver, ...]:
    """The schemes whose grids are averaged; none where the grid is the solver's own.

    Those that a fitted solver names (eq. 134); with `shared` the solver and Euler (eq. 270).

    Raises
    ------
    InputError
        `shared` for a solver whose grid is an average already.
    """
    named = problem.solver.grid_solvers
    if tuple(free) == ("shared",):
        if named:
            raise InputError(f"solver {problem.solver.name!r} takes the grid of {' and '.join(named)} already; use --free grid")
        return problem.solver, SOLVERS["euler"]()
    return tuple(SOLVERS[name]() for name in named) if tuple(free) == ("grid",) else ()


def compromise(
    problem: Problem, solvers: Sequence[Solver], search: Callable[[Problem], OptimizeResult],
    score: Callable[[Grid], float], eta: Array,
) -> OptimizeResult:  # fmt: skip
    """One grid for several schemes (theory.md, eqs. 134, 270).

    Parameters
    ----------
    problem : Problem
        What the grid is for.
    solvers : sequence of Solver
        The schemes.
    search : callable
        Optimizes the grid of a problem.
    score : callable
        Objective of a grid with the problem's solver.
    eta : ndarray, shape (N,)
        Noise of the problem's solver.

    Returns
    -------
    OptimizeResult
        Converged where every search is.
    """
    found = [search(replace(problem, solver=solver)) for solver in solvers]
    with np.errstate(divide="ignore"):
        logs = np.mean([np.log(each.grid.sigmas) for each in found], axis=0)
    sigmas = np.exp(logs)
    sigmas[0], sigmas[-1] = found[0].grid.sigmas[0], found[0].grid.sigmas[-1]
    grid = Grid.create(problem.process, sigmas)
    first, names = found[0], " and ".join(solver.name for solver in solvers)
    return replace(
        first, grid=grid, solver=problem.solver, value=score(grid), converged=all(each.converged for each in found),
        message=f"geometric mean of the grids of {names}; " + "; ".join(each.message for each in found),
        evaluations=sum(each.evaluations for each in found) + 1, eta=eta, scores={},
    )  # fmt: skip
