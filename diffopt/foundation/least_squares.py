"""Sums of squares of few variables, minimized inside bounds from many starts side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.line_search import inside

#: Variables of many runs, shape (B, n), -> residuals, shape (B, m); not finite where there are none.
Residuals = Callable[[Array], Array]
#: Variables, and whether curvature counts -> slopes of the residuals, shape (B, n, m), and their sum times their second
#: derivatives, shape (B, n, n), or None.
Model = Callable[[Array, bool], tuple[Array, Array | None]]
#: Steps of differences: for slopes alone, and for second derivatives too.
STEP, WIDE = 1e-6, 1e-4
#: Damping of the first step, and what a step that helps and one that does not make of it.
DAMPING, LESS, MORE, LEAST, MOST = 1e-2, 5.0, 5.0, 1e-12, 1e5
#: Relative decrease that is a gain, and steps in a row without one after which a run ends.
GAIN, PATIENCE = 1e-7, 3
#: Share of a gain that a step must promise.
SURE = 0.1
#: Solves of one step, each with what left the bounds held at them.
PASSES = 6


@dataclass(eq=False)
class Runs:
    """Runs side by side: variables, residuals, their squares, and the last quadratic model of each."""

    x: Array
    rest: Array
    total: Array
    damping: Array
    stale: NDArray[np.int_]
    slopes: Array
    bend: Array
    moved: NDArray[np.bool_]

    def of(self, chosen: NDArray[Any]) -> Runs:
        """Some of the runs."""
        return Runs(*(array[chosen] for array in vars(self).values()))


def fit(
    residuals: Residuals, x: Array, low: Array, high: Array, plan: Iterable[tuple[int, int]], bent: bool,
    model: Model | None = None, gain: float = GAIN,
) -> tuple[Array, Array]:  # fmt: skip
    """Minimize from the rows of x; `plan` says how many steps are made and how many runs go on, again and again.

    Derivatives are differences of residuals unless a `model` gives them. A run ends where a few steps in a row, or the
    model of the next one, promise less than a relative `gain`.

    Levenberg and Marquardt's damped steps on the scaled normal equations (theory.md, eq. 385); with `bent` the residuals' second
    derivatives count too, with the absolute values of the curvatures, for narrow curved valleys in which residuals
    do not vanish. A step stays inside the bounds: what would leave them is held there and the rest is solved again.
    Reference: More (1978), Lecture Notes in Mathematics 630; Dauphin et al. (2014), arXiv:1406.2572.

    Returns
    -------
    x : ndarray, shape (B, n)
        Ends, best first.
    total : ndarray, shape (B,)
        Their sums of squares.
    """
    runs = _begun(residuals, inside(x, low, high))
    ended: list[tuple[Array, Array]] = []
    for steps, kept in plan:
        for _ in range(steps):
            if not len(runs.x):
                break
            if runs.moved.any():
                _differentiate(runs, residuals, high, bent) if model is None else _modelled(runs, model, bent)
            step, fall = _step(runs, low, high, bent)
            over = (fall <= SURE * gain * runs.total) & (runs.damping <= DAMPING)
            if over.any():
                ended.append((runs.x[over], runs.total[over]))
                runs, step = runs.of(~over), step[~over]
                if not len(runs.x):
                    break
            _advance(runs, residuals, inside(runs.x + step, low, high), gain)
            over = (runs.stale >= PATIENCE) | (runs.damping > MOST) | (runs.total == 0)
            if over.any():
                ended.append((runs.x[over], runs.total[over]))
                runs = runs.of(~over)
        runs = runs.of(np.argsort(runs.total, kind="stable")[:kept])
    ended.append((runs.x, runs.total))
    xs, totals = (np.concatenate(parts) for parts in zip(*ended, strict=True))
    order = np.argsort(totals, kind="stable")
    return xs[order], totals[order]


def _begun(residuals: Residuals, x: Array) -> Runs:
    """Runs at their starts; those without residuals are left out."""
    rest = residuals(x)
    total = squares(rest)
    there = np.isfinite(total)
    x, rest, total = x[there], rest[there], total[there]
    count, n, m = len(x), x.shape[1], rest.shape[1]
    slopes, bend = np.zeros((count, n, m)), np.zeros((count, n, n))
    return Runs(x, rest, total, np.full(count, DAMPING), np.zeros(count, int), slopes, bend, np.ones(count, bool))


def squares(rest: Array) -> Array:
    """Sums of squares; infinite where not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.einsum("bm,bm->b", rest, rest)
    return np.where(np.isfinite(total), total, np.inf)


def _modelled(runs: Runs, model: Model, bent: bool) -> None:
    """Derivatives of the runs that moved, as they are given."""
    every = runs.moved.all()
    with np.errstate(all="ignore"):
        slopes, bend = model(runs.x if every else runs.x[runs.moved], bent)
    for known, found in ((runs.slopes, slopes), (runs.bend, bend)):
        if found is not None:
            known[... if every else runs.moved] = found if np.isfinite(found).all() else np.where(np.isfinite(found), found, 0.0)


def _differentiate(runs: Runs, residuals: Residuals, high: Array, bent: bool) -> None:
    """Slopes, and with `bent` residuals times second derivatives, of the runs that moved; away from the upper bounds."""
    at = np.flatnonzero(runs.moved)
    x, here, n = runs.x[at], runs.rest[at], runs.x.shape[1]
    size = np.where(x + 2 * (WIDE if bent else STEP) > high, -1.0, 1.0) * (WIDE if bent else STEP)
    i, j = np.triu_indices(n)
    pairs = np.concatenate([np.eye(n), np.eye(n)[i] + np.eye(n)[j]]) if bent else np.eye(n)
    probes = x[:, None] + pairs * size[:, None]
    found = residuals(probes.reshape(-1, n)).reshape(len(at), len(pairs), -1)
    with np.errstate(invalid="ignore", over="ignore"):
        slopes = found[:, :n] - here[:, None]
        if bent:
            second = found[:, n:] - found[:, i] - found[:, j] + here[:, None]
            slopes = slopes - 0.5 * second[:, i == j]
            bend = np.einsum("bpm,bm->bp", second, here) / (size[:, i] * size[:, j])
            bend = np.where(np.isfinite(bend), bend, 0.0)
            runs.bend[at[:, None], i, j] = runs.bend[at[:, None], j, i] = bend
    slopes = slopes / size[:, :, None]
    runs.slopes[at] = np.where(np.isfinite(slopes), slopes, 0.0)


def _step(runs: Runs, low: Array, high: Array, bent: bool) -> tuple[Array, Array]:
    """Damped step of each run, between the bounds, and by how much its slope lowers the sum of squares."""
    gradient = np.matmul(runs.slopes, runs.rest[..., None])[..., 0]
    normal = np.matmul(runs.slopes, runs.slopes.transpose(0, 2, 1))
    size = np.einsum("bnn->bn", normal)
    scale = np.sqrt(np.maximum(size, 1e-10 * size.max(axis=1, keepdims=True) + 1e-300))
    held = ((runs.x <= low) & (gradient >= 0)) | ((runs.x >= high) & (gradient <= 0))
    matrix = (normal + runs.bend if bent else normal) / scale[:, :, None] / scale[:, None]
    if bent:
        free = ~held
        curvature, axes = np.linalg.eigh(matrix * (free[:, :, None] & free[:, None]))
        curvature = np.abs(curvature)
        curvature += runs.damping[:, None] * curvature.max(axis=1, keepdims=True) + 1e-14
        matrix = np.matmul(axes * curvature[:, None], axes.transpose(0, 2, 1))
    else:
        matrix = matrix + runs.damping[:, None, None] * np.eye(scale.shape[1])
    step = _bounded(matrix, gradient / scale, held, (low - runs.x) * scale, (high - runs.x) * scale) / scale
    return step, -np.einsum("bn,bn->b", gradient, step)


def _bounded(matrix: Array, gradient: Array, held: NDArray[np.bool_], low: Array, high: Array) -> Array:
    """Minima of quadratic models inside bounds, what is `held` at 0; approximate where many bounds are met."""
    step = np.zeros_like(gradient)
    for _ in range(PASSES):
        free = ~held
        part, right = matrix, -gradient
        if held.any():
            part = matrix * (free[:, :, None] & free[:, None]) + held[:, :, None] * np.eye(held.shape[1])
            right = -(gradient + np.matmul(matrix, np.where(held, step, 0.0)[..., None])[..., 0]) * free
        step = np.where(free, np.linalg.solve(part, right[..., None])[..., 0], step)
        beyond = free & ((step < low) | (step > high))
        step = inside(step, low, high)
        if not beyond.any():
            break
        held = held | beyond
    return step


def _advance(runs: Runs, residuals: Residuals, x: Array, gain: float) -> None:
    """Take the steps that lower the sum of squares; damp the others more."""
    rest = residuals(x)
    total = squares(rest)
    better = total < runs.total
    gained = better & (runs.total - total > gain * runs.total)
    runs.stale = np.where(better, np.where(gained, 0, runs.stale + 1), runs.stale)
    runs.damping = np.where(better, np.maximum(runs.damping / LESS, LEAST), runs.damping * MORE)
    runs.x, runs.rest = np.where(better[:, None], x, runs.x), np.where(better[:, None], rest, runs.rest)
    runs.total, runs.moved = np.where(better, total, runs.total), better
