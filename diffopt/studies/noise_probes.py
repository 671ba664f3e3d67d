"""Where else to look for etas: each in turn, around a window, random designs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from diffopt.foundation.arrays import Array

#: Values at many variables, shape (B, n); value and variables of an end; a look around an end.
Values = Callable[[Array], Array]
Ending = tuple[float, Array]
Probe = Callable[[Values, float, Array, Array, Array], Ending]
#: Places between the bounds at which every eta of a step is tried, and near the one it has.
PLACES, FACTORS = np.linspace(0, 1, 13), np.array([0.8, 0.95, 0.99, 0.998, 1.002, 1.01, 1.05, 1.25])
#: Directions and distances of the points at which a window is probed; windows that are followed.
COMPASS, SHELLS = np.array([d for d in product((-1.0, 0.0, 1.0), repeat=3) if any(d)]), (0.5, 0.1, 0.02, 0.004, 0.0008)
CHOSEN = 2
#: Random designs for errors that cancel, and how many are followed.
SCATTERED, FOLLOWED = 512, 6


def one_by_one(values: Values, least: float, eta: Array, low: Array, high: Array) -> Ending:
    """Each eta in turn at the best of a few places: local searches stall at kinks and at flat bounds."""
    for k in range(eta.size):
        tried = np.repeat(eta[None], PLACES.size + FACTORS.size, axis=0)
        tried[:, k] = np.concatenate([low[k] + PLACES * (high[k] - low[k]), np.clip(eta[k] * FACTORS, low[k], high[k])])
        found = values(tried)
        best = int(np.argmin(found))
        if found[best] < least:
            eta, least = tried[best], float(found[best])
    return least, eta


def around(values: Values, least: float, x: Array, low: Array, high: Array) -> Ending:
    """The best of a few shells of points around one, in all directions and at all scales."""
    tried = np.clip(x + np.concatenate([size * COMPASS for size in SHELLS]), low, high)
    found = values(tried)
    best = int(np.argmin(found))
    return (float(found[best]), tried[best]) if found[best] < least else (least, x)


def apart(x: Array) -> list[Array]:
    """The first few of ordered windows that are no neighbours in the scan."""
    chosen: list[Array] = []
    for one in x:
        if len(chosen) < CHOSEN and all(np.abs(one[1:] - other[1:]).max() > 1.0 for other in chosen):
            chosen.append(one)
    return chosen


def scattered(values: Values, start: Array, most: float) -> list[Array]:
    """The best of random designs, around one and anywhere below twice its largest eta, that lie apart from each other."""
    rng, top = np.random.default_rng(0), max(float(np.max(start)), 0.1)
    shape = (SCATTERED // 2, start.size)
    anywhere = 2 * top * rng.uniform(size=shape) * (rng.uniform(size=shape) < 0.7)
    x = np.clip(np.concatenate([start * np.exp(rng.standard_normal(shape)), anywhere]), 1e-3, most)
    chosen = [start]
    for i in np.argsort(values(x), kind="stable"):
        if len(chosen) <= FOLLOWED and all(np.max(np.abs(x[i] - other)) > 0.1 * top for other in chosen):
            chosen.append(x[i])
    return chosen[1:]
