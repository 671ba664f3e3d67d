"""Local searches past kinks: absolute values are rounded off, less and less (theory.md, eq. 386)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.objectives.robust import Robust
from diffopt.search.lbfgs import Descent
from diffopt.search.search import TOLERANCE, Search
from diffopt.search.variables import State

#: Relative defects below which absolute values are rounded off: from a start, and from an optimum.
FAR, NEAR = (0.3, 0.06, 0.012, 3e-3, 6e-4, 1e-4), (0.01, 2e-3, 4e-4, 1e-4)
#: Schedules whose levels scale with the units of the data: from them a search is the same in all units.
UNITLESS = ("first_order", "first_order_2m", "ays_sd15")
#: Tolerance and gradients of a search whose end is only a start, and tolerance of those whose ends are compared.
LOOSE, LENGTH, MIDDLE = 1e-4, 25, 1e-6
#: Relative gain from an optimum that is worth another round, and rounds at most.
GAIN, ROUNDS = 1e-5, 3


def held_by_kinks(search: Search) -> bool:
    """Whether kinks hold local searches: absolute values, memory and noise; not where a loose search is asked for."""
    kinked = isinstance(search.objective, Robust) and search.grid_free and search.tolerance <= TOLERANCE
    return bool(kinked and search.problem.solver.memory and np.any(search.eta))


def past_kinks(search: Search, states: Mapping[str, State], best: str) -> Descent | None:
    """The last local search, after those from unitless schedules, from where softer objectives lead and from the best."""
    for name in UNITLESS:
        if name in states:
            search.improve(states[name], None, tolerance=MIDDLE)
    start = states[best]
    search.improve(start, _softened(search, start, search.variables(start), FAR), tolerance=MIDDLE)
    for _ in range(ROUNDS):
        before, state, x = _so_far(search)
        search.improve(state, _softened(search, state, x, NEAR), tolerance=MIDDLE)
        if _so_far(search)[0] > before * (1 - GAIN):
            break
    _, state, x = _so_far(search)
    return search.improve(state, x)


def _so_far(search: Search) -> tuple[float, State, Array]:
    """Value, design and variables of the best so far."""
    assert search.best is not None
    value, state, x = search.best
    return value, state, x if x.size else search.variables(state)


def _softened(search: Search, state: State, x: Array, widths: Sequence[float]) -> Array:
    """Variables after local searches of softer objectives, each from the end of the one before."""
    one, sharp = copy(search), search.objective
    assert isinstance(sharp, Robust)
    one.progress = None
    for width in widths:
        one.objective, one.best = replace(sharp, soft=width), None
        found = one.improve(state, x, tolerance=LOOSE, budget=LENGTH)
        x = x if found is None else found.x
    search.gradients = one.gradients
    return x
