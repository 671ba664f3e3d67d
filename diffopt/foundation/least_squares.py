"""Sums of squares of few variables, minimized inside bounds from many starts side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.line_search import inside

#: Variables of many runs, shape (B, n), and the number of each one's search -> residuals, shape (B, m); not finite where
#: there are none.
Residuals = Callable[[Array, NDArray[np.int_]], Array]
#: The same, and whether curvature counts -> with residuals r of slopes J, `squares` of r, shape (B,), J^T r, shape (B, n),
#: J^T J and the sum of r times its second derivatives, shape (B, n, n), or None.
Quadratic = tuple[Array, Array, Array, Array | None]
Model = Callable[[Array, NDArray[np.int_], bool], Quadratic]
#: Steps that are made and runs that go on, again and again.
Plan = Sequence[tuple[int, int]]
#: Steps of differences: for slopes alone, and for second derivatives too.
STEP, WIDE = 1e-6, 1e-4
#: Damping of the first step, and what a step that helps and one that does not make of it.
DAMPING, LESS, MORE, LEAST, MOST = 1e-2, 5.0, 5.0, 1e-12, 1e5
#: Relative decrease that is a gain, and steps in a row without one after which a run ends.
GAIN, PATIENCE = 1e-7, 3
#: Share of a gain that a step must promise.
SURE = 0.1
#: Solves of one step after the first, each with what left the bounds held at them.
PASSES = 5


@dataclass(frozen=True, eq=False)
class Starts:
    """Starts, shape (B, n), bounds, and how long runs go on: until a few steps in a row promise less than a relative `gain`."""

    x: Array
    low: Array
    high: Array
    plan: Plan
    gain: float = GAIN


@dataclass(eq=False)
class Runs:
    """Runs side by side: their searches, variables, residuals, their squares, and the last quadratic model of each.

    Runs that are given their models have no use for residuals: one empty row each.
    """

    of: NDArray[np.int_]
    x: Array
    low: Array
    high: Array
    gain: Array
    rest: Array
    total: Array
    damping: Array
    stale: NDArray[np.int_]
    gradient: Array
    normal: Array
    bend: Array
    moved: NDArray[np.bool_]

    def some(self, chosen: NDArray[Any]) -> Runs:
        """Some of the runs."""
        return Runs(*(array[chosen] for array in vars(self).values()))

    def best(self, search: int, kept: int) -> NDArray[np.int_]:
        """Without all but the best few of a search."""
        own = np.flatnonzero(self.of == search)
        last = own[np.argsort(self.total[own], kind="stable")[kept:]]
        return np.delete(np.arange(self.of.size), last)


def fit(
    residuals: Callable[[Array], Array], x: Array, low: Array, high: Array, plan: Plan, bent: bool, gain: float = GAIN
) -> tuple[Array, Array]:
    """As :func:`fit_all`, of one search, by differences."""
    return fit_all([Starts(x, low, high, plan, gain)], lambda x, _: residuals(x), bent)[0]


def fit_all(
    searches: Sequence[Starts], residuals: Residuals, bent: bool, model: Model | None = None
) -> list[tuple[Array, Array]]:
    """Minimize from the starts of all searches side by side.

    Derivatives are differences of residuals unless a `model` gives them. A run ends where a few steps in a row, or the
    model of the next one, promise less than a relative gain.

    Levenberg and Marquardt's damped steps on the scaled normal equations (theory.md, eq. 385); with `bent` the residuals' second
    derivatives count too, with the absolute values of the curvatures, for narrow curved valleys in which residuals
    do not vanish. A step stays inside the bounds: what would leave them is held there and the rest is solved again.
    Reference: More (1978), Lecture Notes in Mathematics 630; Dauphin et al. (2014), arXiv:1406.2572.

    Returns
    -------
    list of (x, total)
        Of each search its ends, shape (B, n), best first, and their sums of squares, shape (B,).
    """
    runs = _begun(searches, residuals, bent, model)
    ended: list[Runs] = []
    stops = [dict(zip(np.cumsum([n for n, _ in s.plan]).tolist(), [k for _, k in s.plan], strict=True)) for s in searches]
    for made in range(max(max(stop) for stop in stops) + 1):
        for i, stop in enumerate(stops):
            if made in stop:
                runs = runs.some(runs.best(i, stop[made]))
                if made == max(stop):
                    runs = _ended(runs, runs.of == i, ended)
        if not len(runs.x):
            break
        if model is None and runs.moved.any():
            _differentiate(runs, residuals, bent)
        step, fall = _step(runs, bent)
        over = (fall <= SURE * runs.gain * runs.total) & (runs.damping <= DAMPING)
        runs, step = _ended(runs, over, ended), step[~over]
        if len(runs.x):
            _advance(runs, residuals, bent, model, inside(runs.x + step, runs.low, runs.high))
            runs = _ended(runs, (runs.stale >= PATIENCE) | (runs.damping > MOST) | (runs.total == 0), ended)
    of, x, total = (np.concatenate([getattr(part, name) for part in (*ended, runs)]) for name in ("of", "x", "total"))
    order = np.argsort(total, kind="stable")
    places = [order[of[order] == i] for i in range(len(searches))]
    return [(x[place], total[place]) for place in places]


def _ended(runs: Runs, over: NDArray[np.bool_], ended: list[Runs]) -> Runs:
    """The runs that go on; the others are `ended`."""
    if not over.any():
        return runs
    ended.append(runs.some(over))
    return runs.some(~over)


def _begun(searches: Sequence[Starts], residuals: Residuals, bent: bool, model: Model | None) -> Runs:
    """Runs at their starts; those without residuals are left out."""
    of = np.repeat(np.arange(len(searches)), [len(search.x) for search in searches])
    low, high, gain = (np.array([getattr(search, name) for search in searches])[of] for name in ("low", "high", "gain"))
    x = inside(np.concatenate([search.x for search in searches]), low, high)
    count, n = x.shape
    gradient, normal, bend = np.zeros((count, n)), np.zeros((count, n, n)), np.zeros((count, n, n))
    if model is None:
        rest = residuals(x, of)
        total = squares(rest)
    else:
        rest, (total, gradient, normal, curved) = np.zeros((count, 0)), _modelled(model, x, of, bent)
        bend = bend if curved is None else curved
    damping, stale, moved = np.full(count, DAMPING), np.zeros(count, int), np.ones(count, bool)
    runs = Runs(of, x, low, high, gain, rest, total, damping, stale, gradient, normal, bend, moved)
    there = np.isfinite(total)
    return runs if there.all() else runs.some(there)


def squares(rest: Array) -> Array:
    """Sums of squares; infinite where not finite."""
    # An einsum over floats raises no warnings.
    return _or(np.einsum("bm,bm->b", rest, rest), np.inf)


def _modelled(model: Model, x: Array, of: NDArray[np.int_], bent: bool) -> Quadratic:
    """What a model gives, derivatives that are 0 where not finite."""
    with np.errstate(all="ignore"):
        total, gradient, normal, bend = model(x, of, bent)
    return total, _or(gradient, 0.0), _or(normal, 0.0), None if bend is None else _or(bend, 0.0)


def _or(values: Array, other: float) -> Array:
    """Values, and another where they are not finite."""
    return values if np.isfinite(values).all() else np.where(np.isfinite(values), values, other)


def _differentiate(runs: Runs, residuals: Residuals, bent: bool) -> None:
    """Slopes, and with `bent` residuals times second derivatives, of the runs that moved; away from the upper bounds."""
    at = np.flatnonzero(runs.moved)
    x, here, n = runs.x[at], runs.rest[at], runs.x.shape[1]
    size = np.where(x + 2 * (WIDE if bent else STEP) > runs.high[at], -1.0, 1.0) * (WIDE if bent else STEP)
    i, j = np.triu_indices(n)
    pairs = np.concatenate([np.eye(n), np.eye(n)[i] + np.eye(n)[j]]) if bent else np.eye(n)
    probes = x[:, None] + pairs * size[:, None]
    found = residuals(probes.reshape(-1, n), np.repeat(runs.of[at], len(pairs))).reshape(len(at), len(pairs), -1)
    with np.errstate(invalid="ignore", over="ignore"):
        slopes = found[:, :n] - here[:, None]
        if bent:
            second = found[:, n:] - found[:, i] - found[:, j] + here[:, None]
            slopes = slopes - 0.5 * second[:, i == j]
            bend = np.einsum("bpm,bm->bp", second, here) / (size[:, i] * size[:, j])
            runs.bend[at[:, None], i, j] = runs.bend[at[:, None], j, i] = _or(bend, 0.0)
    slopes = slopes / size[:, :, None]
    runs.gradient[at], runs.normal[at] = products(_or(slopes, 0.0), here)


def products(slopes: Array, rest: Array) -> tuple[Array, Array]:
    """J^T r and J^T J of slopes, shape (B, n, m), and residuals, shape (B, m)."""
    return np.matmul(slopes, rest[..., None])[..., 0], np.matmul(slopes, slopes.transpose(0, 2, 1))


def _step(runs: Runs, bent: bool) -> tuple[Array, Array]:
    """Damped step of each run, between the bounds, and by how much its slope lowers the sum of squares."""
    gradient, normal = runs.gradient, runs.normal
    size = normal.diagonal(axis1=1, axis2=2)
    scale = np.sqrt(np.maximum(size, 1e-10 * np.maximum.reduce(size, axis=1, keepdims=True) + 1e-300))
    held = ((runs.x <= runs.low) & (gradient >= 0)) | ((runs.x >= runs.high) & (gradient <= 0))
    matrix = (normal + runs.bend if bent else normal) / (scale[:, :, None] * scale[:, None])
    pull = gradient / scale
    if bent:
        matrix, first = _positive(matrix, pull, held, runs.damping)
    else:
        matrix += runs.damping[:, None, None] * np.eye(scale.shape[1])
        first = _solved(matrix, pull, held, np.zeros_like(pull))
    step = _bounded(matrix, pull, held, (runs.low - runs.x) * scale, (runs.high - runs.x) * scale, first) / scale
    return step, -np.einsum("bn,bn->b", gradient, step)


def _positive(matrix: Array, gradient: Array, held: NDArray[np.bool_], damping: Array) -> tuple[Array, Array]:
    """Matrices of what is not `held`, with the absolute values of their curvatures and damped, and the models' minima."""
    free = ~held
    curvature, axes = np.linalg.eigh(matrix * (free[:, :, None] & free[:, None]))
    curvature = np.abs(curvature)
    curvature += damping[:, None] * np.maximum.reduce(curvature, axis=1, keepdims=True) + 1e-14
    along = np.matmul((gradient * free)[:, None], axes) / curvature[:, None]
    step = -np.matmul(axes, along.transpose(0, 2, 1))[..., 0]
    return np.matmul(axes * curvature[:, None], axes.transpose(0, 2, 1)), np.where(held, 0.0, step)


def _bounded(matrix: Array, gradient: Array, held: NDArray[np.bool_], low: Array, high: Array, step: Array) -> Array:
    """Minima of quadratic models inside bounds, from those that leave them; approximate where many bounds are met."""
    for _ in range(PASSES):
        beyond = ~held & ((step < low) | (step > high))
        step = inside(step, low, high)
        at = np.flatnonzero(np.logical_or.reduce(beyond, axis=1))
        if not at.size:
            break
        held = held | beyond
        step[at] = _solved(matrix[at], gradient[at], held[at], step[at])
    return inside(step, low, high)


def _solved(matrix: Array, gradient: Array, held: NDArray[np.bool_], step: Array) -> Array:
    """Minima of quadratic models with what is `held` where it is."""
    free = ~held
    right = -(gradient + np.matmul(matrix, np.where(held, step, 0.0)[..., None])[..., 0]) * free
    part = matrix * (free[:, :, None] & free[:, None]) + held[:, :, None] * np.eye(held.shape[1])
    return np.where(free, np.linalg.solve(part, right[..., None])[..., 0], step)


def _advance(runs: Runs, residuals: Residuals, bent: bool, model: Model | None, x: Array) -> None:
    """Take the steps that lower the sum of squares; damp the others more."""
    found: dict[str, Array | None] = {"x": x}
    if model is None:
        found |= {"rest": (rest := residuals(x, runs.of)), "total": squares(rest)}
    else:
        # Most steps are taken: what they need next is made of the same arrays.
        found |= dict(zip(("total", "gradient", "normal", "bend"), _modelled(model, x, runs.of, bent), strict=True))
    total = found["total"]
    assert total is not None
    better = total < runs.total
    gained = better & (runs.total - total > runs.gain * runs.total)
    runs.stale = np.where(better, np.where(gained, 0, runs.stale + 1), runs.stale)
    runs.damping = np.where(better, np.maximum(runs.damping / LESS, LEAST), runs.damping * MORE)
    runs.moved, every = better, bool(better.all())
    for name, values in found.items():
        if values is not None and every:
            setattr(runs, name, values)
        elif values is not None:
            getattr(runs, name)[better] = values[better]
