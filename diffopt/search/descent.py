"""The optimizer: local searches with exact gradients from the best named schedules and from places between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array, digits, release_one
from diffopt.objectives import Objective
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.schedules import Schedule
from diffopt.search.blocks import named_ends
from diffopt.search.compromise import compromise, schemes
from diffopt.search.family import FamilyBlock
from diffopt.search.lbfgs import PROBE, Descent
from diffopt.search.result import OptimizeResult
from diffopt.search.search import TOLERANCE, Progress, Search
from diffopt.search.softening import held_by_kinks, past_kinks
from diffopt.search.variables import State
from diffopt.solvers import SOLVERS


def optimize(
    problem: Problem,
    objective: Objective,
    free: Sequence[str] = ("grid",),
    eta: float | Array | None = None,
    schedule: Schedule | None = None,
    searches: int = 3,
    progress: Progress | None = None,
    starts: Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
    grid_of: Sequence[str] | None = None,
) -> OptimizeResult:
    """Minimize an objective over the grid, eta or the parameters of a family.

    Every quick named schedule that applies is scored, and the `searches` best are improved; the result is
    therefore never worse than any of them on the optimizer's spectrum. Where there are many local optima (eta,
    families, objectives in which errors cancel) places between and beyond them are tried too (`Places`).

    Parameters
    ----------
    problem : Problem
        Data, process, solver, budget, range.
    objective : Objective
        What is minimized.
    free : sequence of {"grid", "shared", "coefficients", "eta", "eta_per_step", "family"} and names of numbers
        What may move. Names are parameters of the schedule, `sigma_min`, `sigma_max`, of the process and of churn; the
        others stay as they are, and "family" is all of them. "shared" alone is one grid for the solver and for Euler
        (`compromise`). Of solvers that fit their coefficients, "grid" and "coefficients" is the search over both,
        "coefficients" alone keeps the schedule's grid.
    eta : float or array, optional
        Start, or fixed value where eta is not free; None is the solver's default.
    schedule : Schedule, optional
        Grid that is kept when the grid is not free; family that is varied. Default `karras`.
    searches : int
        Number of starts that are improved.
    progress : callable, optional
        Called with (evaluations, best value).
    starts : sequence of str, optional
        Named schedules that are scored; None is all that are not slow (`Schedule.slow`).
    tolerance : float
        Relative gain of a restarted search below which it has converged.
    grid_of : sequence of str, optional
        Solvers whose optimal grids are taken (`compromise`), () for the solver's own; None is what the solver says,
        where the grid alone is free and errors cannot cancel in the objective.

    Raises
    ------
    InputError
        Unknown or contradictory `free`.
    UnsupportedError
        No schedule gives a finite objective.
    """
    release_one()
    if "grid" in free:
        problem = replace(problem, solver=problem.solver.for_even_grid())
    averaged, guarded = schemes(problem, free), tuple(free) == ("grid",)
    if grid_of is not None:
        averaged = tuple(SOLVERS[name]() for name in grid_of)
    elif guarded and objective.cancels:
        averaged = ()
    free = ("grid",) if averaged else free
    one = Search(problem, objective, free, eta, schedule, progress, starts, tolerance)
    if not averaged or problem.steps < 2:
        return _run(one, searches)

    def search(other: Problem) -> OptimizeResult:
        same = eta if other.solver is problem.solver else None
        return _run(Search(other, objective, free, same, schedule, progress, starts, tolerance), searches)

    return compromise(problem, averaged, search, one.value, one.eta, (lambda: _run(one, searches)) if guarded else None)


def _run(search: Search, searches: int) -> OptimizeResult:
    """Score the starts, improve the best, try other places, report."""
    states = search.starts()
    values = search.scorer.scores(list(states.values()), search.nodes)
    scores = dict(zip(states, map(float, values), strict=True))
    ranked = sorted((name for name in scores if np.isfinite(scores[name])), key=scores.__getitem__)
    if not ranked:
        raise UnsupportedError(search.scorer.refusal or _nothing_finite(search))
    if not search.family:
        search.remember(scores[ranked[0]], states[ranked[0]], None)
    outcome: Descent | None = None
    for rank, name in enumerate(_apart(states, ranked[: max(1, searches)]) if search.blocks else ()):
        # Later starts are probed and go on only where they overtake what is already found.
        known = outcome.minimum if outcome and (search.scale or search.seen_kinks) else None
        outcome = search.improve(states[name], None, PROBE if rank else 0, known=known) or outcome
    if search.many:
        from diffopt.search.places import Places

        outcome = Places(search, [states[name] for name in ranked]).explore() or outcome
    if held_by_kinks(search):
        outcome = past_kinks(search, states, ranked[0]) or outcome
    if search.family:
        from diffopt.search.window import open_window

        outcome = open_window(search, states[ranked[0]]) or outcome
    search.settle(states, scores)
    return _result(search, outcome, len(ranked), scores)


def _apart(states: dict[str, State], names: Sequence[str]) -> list[str]:
    """Names whose grids are not those of one before: some rules are others under another name."""
    grids = digits(np.array([states[name].sigma for name in names]))
    return [name for i, name in enumerate(names) if grids[i] not in grids[:i]]


def _nothing_finite(search: Search) -> str:
    name, solver = search.objective.name, search.problem.solver.name
    if name == "kl" and search.problem.end == "sigma_min" and search.problem.spectrum.eig[-1] == 0:
        return (
            "the data have zero eigenvalues, so KL(data || output) is infinite for every grid that ends above 0; "
            "use --objective kl_discretization, or --end zero"
        )
    return (
        f"no schedule gives a finite {name} for solver {solver!r} here; "
        "try --end sigma_min, --objective robust or another solver"
    )


def _result(search: Search, outcome: Descent | None, starts: int, scores: dict[str, float]) -> OptimizeResult:
    assert search.best is not None
    value, state, x = search.best
    family: dict[str, float] = {}
    touched: list[str] = []
    if x.size == len(search.bounds):
        for block, part in zip(search.blocks, search.parts(x), strict=True):
            touched += block.at_bound(part)
            if isinstance(block, FamilyBlock):
                family = block.reported(part, state.solver)
    family = named_ends(search.free, state.sigma) | family
    fitted = "coefficients" in search.free and not search.blocks
    reason = "the grid is kept, its coefficients are fitted" if fitted else "one step has no free point"
    message = outcome.message if outcome else f"nothing to optimize: {reason}"
    if touched:
        message += f"; at the bound of the search: {', '.join(touched)}"
    return OptimizeResult(
        Grid.create(state.process, state.sigma), state.eta, state.solver, state.process, value,
        outcome.converged if outcome else True, message, search.evaluations, starts, family, scores,
        _started(search), tuple(touched),
    )  # fmt: skip


def _started(search: Search) -> dict[str, float]:
    """Where the numbers of a family began."""
    return next((block.started() for block in search.blocks if isinstance(block, FamilyBlock)), {})
