"""The window [s_tmin, s_tmax] of EDM's churn: which steps churn, by coordinate search around the continuous one."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.search.family import FamilyBlock
from diffopt.search.knobs import EMPTY, GAMMA, LEAST, NOISE
from diffopt.search.lbfgs import PROBE, Descent
from diffopt.search.search import Search
from diffopt.search.variables import State

#: gamma that every window is scored at, beside the present one.
GAMMAS = (0.02, 0.07, 0.2, float(GAMMA))
#: Steps at which a window may begin or end in the first look, windows looked at more closely, windows that are followed in
#: a round, and rounds at most.
MARKS, CLOSER, CHOSEN, ROUNDS = 7, 6, 4, 4
#: Ends up to so many steps away are all looked at: more would make the look grow with the square of the steps.
NEAR = 4
#: Relative gain that churn, and a narrower window, must be worth.
WORTH = 1e-3
#: Tolerance of local searches whose end is only compared; the last one goes to the end.
LOOSE = 1e-5
Window = tuple[int, int] | None
Place = tuple[Window, Array]


def open_window(search: Search, state: State) -> Descent | None:
    """Best of: no churn, churn everywhere, churn in a window; what is not worth `WORTH` is taken back.

    Each round scores windows at some churns, coarsely and then around the best (theory.md, eq. 106), follows the best by
    local search over all continuous variables, and ends when no window is better than the present one.
    """
    block = next((b for b in search.blocks if isinstance(b, FamilyBlock)), None)
    if block is None or not (_churns(block) or block.sides) or search.best is None:
        return None
    outcome, found, last, lead = None, search.best, block.window, search.best[2]
    for _ in range(ROUNDS):
        before = found[0]
        for window, x in _candidates(search, block, state, found[2], last):
            block.window = window
            value = search.best[0]
            outcome = search.improve(state, x, PROBE, LOOSE) or outcome
            found = search.best
            last, lead = (window, x) if found[0] < value else (last, lead)
        if found[0] > before * (1 - WORTH):
            break
    block.window = last
    # Local searches so far were loose: the best is followed to the end, and anew from where it began, as kinks can hold it.
    for x in (found[2], lead):
        outcome = search.improve(state, x) or outcome
    found, block.window = search.best, None
    if _churns(block):
        _without(search, block, state, found)
    return outcome


def _churns(block: FamilyBlock) -> bool:
    """Whether the churn itself is free."""
    return any(knob.name == "s_churn" for knob in block.knobs)


def _candidates(
    search: Search, block: FamilyBlock, state: State, x: Array, present: Window
) -> list[Place]:
    """Windows and variables to start from, best first: a coarse look, then neighbours with s_noise at its bounds too."""
    steps = search.problem.steps
    marks = np.unique(np.linspace(0, steps - 1, min(steps, MARKS)).round().astype(int))
    churns = [_put(search, block, x, s_churn=g * steps, s_noise=1.0) for g in GAMMAS] if _churns(block) else []
    windows = dict.fromkeys(_kept(block, pair, steps) for pair in combinations_with_replacement(marks.tolist(), 2))
    if not churns:
        windows[EMPTY] = None
    first = _scored(search, block, state, [(window, start) for window in windows for start in (x, *churns)])
    near: dict[tuple[Window, int], Place] = {}
    half = max(1, -(-(steps - 1) // (2 * (MARKS - 1))))
    seeds = [(0.0, (present, x))] if present is not None else []
    for value, (window, start) in [*seeds, *first[:CLOSER]]:
        if not np.isfinite(value):
            break
        noisy = [start, *(_put(search, block, start, s_noise=n) for n in NOISE)]
        around = {_kept(block, pair, steps) for pair in _around(window, half, steps)}
        near |= {(pair, id(one)): (pair, one) for pair in around for one in noisy}
    chosen: dict[Window, Array] = {}
    for value, (window, start) in sorted([*first, *_scored(search, block, state, list(near.values()))], key=lambda p: p[0]):
        if len(chosen) < CHOSEN and np.isfinite(value):
            chosen.setdefault(window, start)
    return list(chosen.items())


def _around(window: Window, half: int, steps: int) -> list[tuple[int, int]]:
    """Windows whose ends lie at most `half` steps away, in long runs at doubling distances; the whole has none but itself."""
    a, b = (0, steps - 1) if window in (None, EMPTY) else window
    far = range(1, half + 1) if half <= NEAR else [*(2**i for i in range(half.bit_length()) if 2**i < half), half]
    moves = [0, *far, *(-i for i in far)]
    pairs = {(max(a + i, 0), min(b + j, steps - 1)) for i in moves for j in moves}
    return [pair for pair in pairs if pair[0] <= pair[1]]


def _kept(block: FamilyBlock, pair: tuple[int, int], steps: int) -> Window:
    """A window whose fixed ends are left to the solver; None where both are."""
    free = (pair[0] if "s_tmax" in block.sides else 0, pair[1] if "s_tmin" in block.sides else steps - 1)
    return free if block.sides else None


def _scored(search: Search, block: FamilyBlock, state: State, places: list[Place]) -> list[tuple[float, Place]]:
    """Values of windows at variables, best first; those without a design are left out."""
    kept: list[Place] = []
    states: list[State] = []
    for window, x in places:
        block.window = window
        placed = search.place(x, state)
        if placed is not None:
            kept.append((window, x))
            states.append(placed)
    values = search.scorer.scores(states)
    return sorted(zip(map(float, values), kept, strict=True), key=lambda pair: pair[0])


def _put(search: Search, block: FamilyBlock, x: Array, **values: float) -> Array:
    """Variables with parameters of the family set."""
    x, start = x.copy(), search.sizes[search.blocks.index(block)]
    for i, knob in enumerate(block.knobs):
        if knob.name in values:
            x[start + i] = knob.variable(values[knob.name])
    return np.asarray(np.clip(x, [lo for lo, _ in search.bounds], [hi for _, hi in search.bounds]))


def _without(search: Search, block: FamilyBlock, state: State, found: tuple[float, State, Array]) -> None:
    """Put s_churn = 0 in the place of churn that gains nothing: its other three numbers have no effect then."""
    starts = [_put(search, block, x, s_churn=LEAST, s_noise=1.0) for x in (found[2], search.variables(state))]
    ends = [x if (end := search.improve(state, x, tolerance=LOOSE)) is None else end.x for x in starts]
    xs = [_put(search, block, x, s_churn=LEAST, s_noise=1.0) for x in ends]
    plain = [_still(placed, block) for x in xs if (placed := search.place(x, state)) is not None]
    values = search.scorer.scores(plain)
    best = int(np.argmin(values))
    if search.best is not None and values[best] <= search.best[0] * (1 + WORTH):
        search.best = (float(values[best]), plain[best], xs[best])


def _still(state: State, block: FamilyBlock) -> State:
    """Without churn; of its other numbers those that are free are put back to where they have no effect."""
    off: dict[str, Any] = {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": float("inf"), "s_noise": 1.0}
    free = {knob.name for knob in block.knobs} | block.sides
    return replace(state, solver=replace(state.solver, **{k: v for k, v in off.items() if k in free}))
