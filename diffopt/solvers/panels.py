"""Quadrature over the random fraction of a step, graded towards the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array, Numbers

#: Gauss nodes per panel, ratio of distances to the data across a panel, and panels of a step at most.
NODES, RATIO, PANELS = 8, 3.0, 8

#: Numbers over all branches that are handled at once: two such arrays stay below what the allocator gives back.
PART = 12_000


@dataclass(frozen=True, eq=False)
class Panels:
    """Rows of branches of N steps, one row or more for each step (theory.md, eq. 81).

    Attributes
    ----------
    nodes, weight : ndarray, shape (R, Q)
        Values of the random fraction, and weights that are 1 together for each step.
    first : ndarray of int, shape (N,)
        First row of each step.
    owner : ndarray of int, shape (R,)
        Step of each row.
    """

    nodes: Array
    weight: Array
    first: NDArray[np.intp]
    owner: NDArray[np.intp]

    @classmethod
    def single(cls, steps: int) -> Panels:
        """One branch a step: nothing is random."""
        each = np.arange(steps)
        return cls(np.full((steps, 1), 0.5), np.ones((steps, 1)), each, each)

    @classmethod
    def graded(cls, reach: Array) -> Panels:
        """Gauss panels, geometric in reach - U: the rates have their poles where sigma^2 = -eig, near the data.

        Parameters
        ----------
        reach : ndarray, shape (N,)
            Place of the data in units of the step, from its start (1: the step ends there).
        """
        ratio = np.maximum((reach - 1) / reach, RATIO**-PANELS)
        count = np.maximum(1, np.ceil(-np.log(ratio) / np.log(RATIO) - 1e-9)).astype(int)
        owner = np.repeat(np.arange(reach.size), count)
        first = np.cumsum(count) - count
        place = np.arange(owner.size) - first[owner]
        low, high = (reach[owner] * (1 - ratio[owner] ** ((place + side) / count[owner])) for side in (0, 1))
        high[first + count - 1] = 1
        x, weight = _gauss(NODES)
        width = (high - low)[:, None]
        return cls(low[:, None] + width * (x + 1) / 2, width * weight / 2, first, owner)

    @cached_property
    def further(self) -> list[int]:
        """Rows that are not the first of their step."""
        return sorted({*range(self.owner.size)} - {*self.first.tolist()})

    def per_step(self, rows: Numbers) -> Numbers:
        """Sums over the rows of each step, (R, ...) to (N, ...)."""
        if not self.further:
            return rows
        # Most steps have one row.
        steps = rows[self.first]
        for row in self.further:
            steps[self.owner[row]] += rows[row]
        return steps

    def parts(self, size: int) -> list[slice]:
        """Parts of `size` eigenvalues for which arrays over all branches are short."""
        step = max(1, PART // self.nodes.size)
        return [slice(a, a + step) for a in range(0, size, step)]

    def per_row(self, steps: Array) -> Array:
        """What each row has of its step, (N, ...) to (R, ...)."""
        return steps[self.owner] if self.further else steps


@cache
def _gauss(nodes: int) -> tuple[Array, Array]:
    """Nodes and weights on (-1, 1)."""
    return np.polynomial.legendre.leggauss(nodes)
