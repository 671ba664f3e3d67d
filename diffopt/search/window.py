"""The window [s_tmin, s_tmax] of EDM's churn: which steps churn, by coordinate search around the continuous one."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.search.family import GAMMA, LEAST, NOISE, FamilyBlock
from diffopt.search.lbfgs import Descent
from diffopt.search.search import Search
from diffopt.search.variables import State

#: gamma that every window is scored at (with s_noise at 1 and its bounds), beside the present one.
GAMMAS = (0.02, 0.07, 0.2, float(GAMMA))
#: Steps at which a window may begin or end, windows that are followed in a round, and rounds at most.
MARKS, CHOSEN, ROUNDS = 16, 4, 4
#: Relative gain that churn, and a narrower window, must be worth.
WORTH = 1e-3


def open_window(search: Search, state: State) -> Descent | None:
    """Best of: no churn, churn everywhere, churn in a window; what is not worth `WORTH` is taken back.

    Each round scores all windows between marked steps at some churns (theory.md, eq. 106), follows the best by local
    search over all continuous variables, and ends when no window is better than the present one.
    """
    block = next((b for b in search.blocks if isinstance(b, FamilyBlock)), None)
    if block is None or not any(k.name == "s_churn" for k in block.knobs) or search.best is None:
        return None
    outcome, found = None, search.best
    for _ in range(ROUNDS):
        before = found[0]
        for window, x in _candidates(search, block, state, found[2]):
            block.window = window
            outcome = search.improve(state, x) or outcome
            found = search.best
        if found[0] > before * (1 - WORTH):
            break
    block.window = None
    _without(search, block, state, found)
    return outcome


def _candidates(search: Search, block: FamilyBlock, state: State, x: Array) -> list[tuple[tuple[int, int], Array]]:
    """Windows and variables to start from, best first."""
    steps = search.problem.steps
    marks = np.unique(np.linspace(0, steps - 1, min(steps, MARKS)).round().astype(int))
    windows = [(int(a), int(b)) for a, b in combinations_with_replacement(marks, 2)]
    places, states = [], []
    for moved in [x, *(_put(search, block, x, s_churn=g * steps, s_noise=n) for g in GAMMAS for n in (1.0, *NOISE))]:
        for window in windows:
            block.window = window
            placed = search.place(moved, state)
            if placed is not None:
                places.append((window, moved))
                states.append(placed)
    values = search.scorer.scores(states)
    chosen: dict[tuple[int, int], Array] = {}
    for i in np.argsort(values, kind="stable"):
        if len(chosen) < CHOSEN and np.isfinite(values[i]):
            chosen.setdefault(*places[i])
    return list(chosen.items())


def _put(search: Search, block: FamilyBlock, x: Array, **values: float) -> Array:
    """Variables with parameters of the family set."""
    x, start = x.copy(), search.sizes[search.blocks.index(block)]
    for i, knob in enumerate(block.knobs):
        if knob.name in values:
            x[start + i] = np.log(values[knob.name] / knob.value)
    return np.asarray(np.clip(x, *np.array(search.bounds).T))


def _without(search: Search, block: FamilyBlock, state: State, found: tuple[float, State, Array]) -> None:
    """Put s_churn = 0 in the place of churn that gains nothing: its other three numbers have no effect then."""
    starts = [_put(search, block, x, s_churn=LEAST, s_noise=1.0) for x in (found[2], search.variables(state))]
    ends = [x if (end := search.improve(state, x)) is None else end.x for x in starts]
    xs = [_put(search, block, x, s_churn=LEAST, s_noise=1.0) for x in ends]
    plain = [_still(placed) for x in xs if (placed := search.place(x, state)) is not None]
    values = search.scorer.scores(plain)
    best = int(np.argmin(values))
    if search.best is not None and values[best] <= search.best[0] * (1 + WORTH):
        search.best = (float(values[best]), plain[best], xs[best])


def _still(state: State) -> State:
    off: dict[str, Any] = {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": float("inf"), "s_noise": 1.0}
    return replace(state, solver=replace(state.solver, **off))
