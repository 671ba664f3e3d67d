"""A step length that meets Wolfe's conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array

#: Share of the predicted decrease that a step must reach, and share of the slope that may remain.
DECREASE, SLOPE = 1e-3, 0.9
#: Trials at most, the same among kinks, growth of a step that is too short, and how near to an end of the bracket a trial may be.
TRIALS, FEW, GROWTH, MARGIN = 12, 6, 4.0, 0.1


@dataclass(frozen=True, eq=False)
class Step:
    """The best point that decreased the loss enough, its loss, gradient and length; `x` is None where none did.

    Where the slope stayed, `beyond` is the nearest point and its gradient that were too far: a kink lies before it.
    """

    x: Array | None
    value: float
    gradient: Array
    length: float
    count: int
    beyond: tuple[Array, Array] | None = None


@dataclass(frozen=True)
class _Trial:
    """Length, loss and slope along the step."""

    length: float
    value: float
    slope: float


def inside(x: Array, low: Array, high: Array) -> Array:
    """x between the bounds; several times faster than `np.clip` on few numbers."""
    return np.minimum(np.maximum(x, low), high)


def line_search(
    loss: Callable[[Array], tuple[float, Array]], x: Array, value: float, gradient: Array, step: Array, low: Array, high: Array,
    trials: int = TRIALS,
) -> Step:  # fmt: skip
    """A point x + t step, between `low` and `high`, that meets Wolfe's weak conditions: enough decrease, less slope.

    They can be met at kinks too, where the strong ones cannot, and keep the curvature positive (Lewis and Overton
    2013, Math. Program. 141). The first trial is t = 1; a step that is too short grows as far as the bounds allow,
    one that is too long is cut at the minimum of a cubic.
    """
    start = _Trial(0.0, value, float(gradient @ step))
    longest, length = 0.0, 1.0
    short, long = start, None
    best = Step(None, value, gradient, 0.0, 0)
    count, beyond = 0, None
    while count < (TRIALS if best.x is None else trials):
        count += 1
        point = inside(x + length * step, low, high)
        found, slopes = loss(point)
        trial = _Trial(length, found, float(slopes @ step))
        if not found <= value + DECREASE * length * start.slope:
            long, beyond = trial, (point, slopes)
        else:
            if found < best.value:
                best = Step(point, found, slopes, length, count)
            if trial.slope >= SLOPE * start.slope:
                beyond = None
                break
            # Few steps are too short, so how far the bounds allow is asked late.
            longest = longest or _longest(x, step, low, high)
            if long is None and length >= longest:
                break
            short = trial
        length = min(GROWTH * length, longest) if long is None else _between(short, long)
        if long is not None and long.length - short.length <= 1e-10 * long.length:
            break
    return Step(best.x, best.value, best.gradient, best.length, count, beyond)


def _longest(x: Array, step: Array, low: Array, high: Array) -> float:
    """Length at which the first moving variable meets its bound, at least 1."""
    moving = step != 0
    room = np.where(step > 0, high - x, low - x)[moving] / step[moving]
    return float(max(1.0, np.min(room, initial=np.inf)))


def _between(short: _Trial, long: _Trial) -> float:
    """Minimum of the cubic through both ends, kept away from them."""
    width = long.length - short.length
    d = short.slope + long.slope - 3 * (long.value - short.value) / width
    root, share = d * d - short.slope * long.slope, 0.5
    if root >= 0 and np.isfinite(root):
        bottom = long.slope - short.slope + 2 * np.sqrt(root)
        if bottom != 0:
            share = 1 - (long.slope + np.sqrt(root) - d) / bottom
    return short.length + width * float(min(max(share, MARGIN), 1 - MARGIN))
