"""Grids that are stationary points of a left Riemann sum, found by shooting on their first step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffopt.schedules.base import Array

#: (value, slope) of an increasing function at many points, shape (n,) each.
Curve = Callable[[Array], tuple[Array, Array]]


def stationary(curve: Curve, first: float, last: float, steps: int) -> Array:
    """Points x_0 < ... < x_N at which sum_i g(x_i)(x_{i+1} - x_i) is stationary, g = `curve`.

    d/dx_i gives g'(x_i)(x_{i+1} - x_i) = g(x_i) - g(x_{i-1}): two points fix all others. The first
    step is found by repeated subdivision of its logarithm, 64 candidates at a time.

    Returns
    -------
    ndarray, shape (steps + 1,)
    """
    if steps == 1:
        return np.array([first, last])
    low, high = np.log(1e-14 * (last - first)), np.log(last - first)
    for _ in range(9):
        trial = np.linspace(low, high, 64)
        over = _march(curve, first, np.exp(trial), last, steps)[-1] > last
        j = int(np.argmax(over)) if over.any() else trial.size - 1
        low, high = trial[max(j - 1, 0)], trial[j]
    points = _march(curve, first, np.exp(np.array([low])), np.inf, steps)[:, 0]
    points[-1] = last
    return points


def _march(curve: Curve, first: float, step: Array, last: float, steps: int) -> Array:
    """All points for many first steps, shape (steps + 1, n); stopped a little beyond `last`."""
    points = [np.full(step.shape, first), first + step]
    old, _ = curve(points[0])
    beyond = last + 1.0 if last <= 0 else 2 * last
    for _ in range(steps - 1):
        value, slope = curve(np.minimum(points[-1], last))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            new = points[-1] + (value - old) / slope
        points.append(np.where(points[-1] >= last, beyond, np.minimum(new, beyond)))
        old = value
    return np.stack(points)
