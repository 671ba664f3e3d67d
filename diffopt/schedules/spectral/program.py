"""Dynamic programs: the cheapest path of N jumps through a fine grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array

#: Points of the fine grid, equally spaced in log sigma.
POINTS = 241


def fine_grid(high: float, low: float, jumps: int) -> Array:
    """Descending candidates, at least four for every jump, shape (G,)."""
    return np.geomspace(high, low, max(POINTS, 4 * jumps + 1))


def cheapest(cost: Array, jumps: int, discount: float = 1.0) -> NDArray[np.int64]:
    """Indices of the path from the first to the last point that minimizes its cost.

    W_1(i) = cost(i, last), W_k(i) = min_{j > i} cost(i, j) + discount W_{k-1}(j).

    Parameters
    ----------
    cost : ndarray, shape (G, G)
        Cost of the jump i -> j, used for j > i only.
    jumps : int
        Number of jumps, less than G.

    Returns
    -------
    ndarray, shape (jumps + 1,)
    """
    forward = np.where(np.tri(cost.shape[0], dtype=bool), np.inf, cost)
    best = forward[:, -1].copy()
    choices = []
    for _ in range(jumps - 1):
        # The last point itself is no place to jump on from.
        best[-1] = np.inf
        total = forward + discount * best
        choices.append(np.argmin(total, axis=1))
        best = np.take_along_axis(total, choices[-1][:, None], axis=1)[:, 0]
    path = [0]
    for choice in reversed(choices):
        path.append(int(choice[path[-1]]))
    return np.array([*path, cost.shape[0] - 1])
