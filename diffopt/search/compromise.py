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
from diffopt.search.starts import BASELINES, applicable
from diffopt.solvers import SOLVERS, Solver


def schemes(problem: Problem, free: Sequence[str]) -> tuple[Solver, ...]:
    """The schemes whose grids are averaged; none where the grid is the solver's own.

    Those that a fitted solver names (eq. 134); with `shared` the solver and Euler (eq. 270).

    Raises
    ------
    InputError
        `shared` for a solver that is fitted to any grid.
    """
    named = problem.solver.grid_solvers
    if tuple(free) == ("shared",):
        if problem.solver.needs_data:
            raise InputError(f"solver {problem.solver.name!r} takes the grid of {' and '.join(named)} already; use --free grid")
        return problem.solver, SOLVERS["euler"]()
    return tuple(SOLVERS[name]() for name in named) if tuple(free) == ("grid",) else ()


#: Shares of the solver's own optimum that are tried where the mean is worse than a named schedule.
SHARES = (0.25, 0.5, 0.75, 1.0)
#: Relative gain that is more than rounding.
ROUNDING = 1e-9


def compromise(
    problem: Problem, solvers: Sequence[Solver], search: Callable[[Problem], OptimizeResult],
    score: Callable[[Grid], float], eta: Array, own: Callable[[], OptimizeResult] | None = None,
) -> OptimizeResult:  # fmt: skip
    """One grid for several schemes (theory.md, eqs. 134, 270).

    With `own`, where a schedule that stands beside every result is better under the objective, the grid goes towards
    the solver's own optimum, as far as it takes (eq. 291).

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
    own : callable, optional
        Optimizes the grid for the problem's solver.

    Returns
    -------
    OptimizeResult
        Converged where every search is.
    """
    wrong = problem.solver.error
    # Each scheme is searched for with the score error of the question.
    found = [search(replace(problem, solver=s if s is problem.solver else replace(s, error=wrong))) for s in solvers]
    grid = _mean([each.grid.sigmas for each in found], [1 / len(found)] * len(found), problem)
    names = [solver.name for solver in solvers]
    told = f"the grid of {names[0]}" if len(names) == 1 else f"geometric mean of the grids of {' and '.join(names)}"
    best = min((score(each) for each in applicable(problem, BASELINES).values()), default=np.inf)
    if own is not None and score(grid) > best * (1 + ROUNDING):
        found.append(own())
        middle = grid.sigmas
        for share in SHARES:
            grid = _mean([middle, found[-1].grid.sigmas], [1 - share, share], problem)
            if score(grid) <= best * (1 + ROUNDING):
                break
        told = f"{told}, {share:.0%} of the way to the solver's own optimum"
    return replace(
        found[0], grid=grid, solver=problem.solver, value=score(grid), converged=all(each.converged for each in found),
        message=f"{told}; " + "; ".join(each.message for each in found),
        evaluations=sum(each.evaluations for each in found) + 1, eta=eta, scores={}, at_bound=(),
    )  # fmt: skip


def _mean(grids: Sequence[Array], shares: Sequence[float], problem: Problem) -> Grid:
    """Weighted geometric mean of grids with the same ends."""
    with np.errstate(divide="ignore"):
        logs = sum(share * np.log(sigmas[1:-1]) for share, sigmas in zip(shares, grids, strict=True))
    first = grids[0]
    return Grid.create(problem.process, np.concatenate([first[:1], np.exp(logs), first[-1:]]))
