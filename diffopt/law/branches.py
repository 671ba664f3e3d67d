"""The average over the branches of steps given by maps, and its pull-back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array, Numbers
from diffopt.foundation.complex_step import STEP
from diffopt.law.response import RowMap
from diffopt.solvers.averages import Averages
from diffopt.solvers.maps import StepMaps


class Branches:
    """Branches that are computed one by one (theory.md, eq. 82).

    Attributes
    ----------
    noise : ndarray, shape (N, d)
        Injected variance.
    row : RowMap
        Averages of multiplier and mean defect, and their (co)variances where the branches are random.
    """

    def __init__(self, maps: StepMaps, numbers: Array, eig: Array, with_bias: bool) -> None:
        self.maps, self.eig, self.panels = maps, eig, maps.panels
        self._weight = self.panels.weight[..., None]
        m, n, b = self._each(numbers)
        self.noise = self._mean(n)
        self.row = row = RowMap({0: self._mean(m)}, bias=self._mean(b) if with_bias else None)
        if maps.random:
            self._gap_m = m - self._spread(row.incoming[0])
            row.spread = self._mean(self._gap_m**2)
            # Of the mean nothing is computed where nobody asks for it: these arrays are long.
            if row.bias is not None:
                self._gap_b = b - self._spread(row.bias)
                row.cross, row.jitter = self._mean(self._gap_m * self._gap_b), self._mean(self._gap_b**2)

    def _each(self, numbers: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """(m, n, b) of every branch, each of shape (R, Q, d)."""
        shape = (*numbers.shape[:2], self.eig.size)
        values = self.maps.moments(self.maps.named(numbers), self.eig)
        m, n, b = (np.broadcast_to(value, shape) for value in values)
        return m, n, b

    def _mean(self, values: Array) -> Array:
        return np.asarray(self.panels.per_step((self._weight * values).sum(axis=1)))

    def _spread(self, steps: Array) -> Array:
        """What the branches have of their step, shape (R, 1, d)."""
        return self.panels.per_row(steps)[:, None]

    def pull(self, by_noise: Array, row: RowMap) -> None:
        """Take the derivatives by the averages; `along` gives those by the numbers."""
        by_m, by_b = self._spread(row.incoming[0]), None
        if row.spread is not None:
            by_m = by_m + 2 * self._gap_m * self._spread(row.spread)
        if row.bias is not None:
            by_b = self._spread(row.bias)
            if row.cross is not None and row.jitter is not None:
                cross = self._spread(row.cross)
                by_m = by_m + self._gap_b * cross
                by_b = by_b + 2 * self._gap_b * self._spread(row.jitter) + self._gap_m * cross
        found = (by_m, self._spread(by_noise), by_b)
        self._seeds = [self._weight * bar for bar in found if bar is not None]

    def along(self, moved: NDArray[Any]) -> Array:
        """Derivatives along the imaginary parts of numbers, shape (C, R, Q, P), by step, shape (C, N)."""
        found = np.zeros((moved.shape[0], self.panels.first.size))
        for total, numbers in zip(found, moved, strict=True):
            for seed, value in zip(self._seeds, self._each(numbers), strict=False):
                total += self.panels.per_step((seed * value.imag).sum(axis=(1, 2)))
        return found / STEP


class ShortBranches:
    """The same for maps that average over their branches themselves."""

    def __init__(self, maps: StepMaps, found: Averages) -> None:
        self.maps, self.found = maps, found
        self.noise, self.row = found.n, RowMap({0: found.m}, spread=found.spread)

    def pull(self, by_noise: Array, row: RowMap) -> None:
        """As of `Branches`; what all branches of a step share stands in the first."""
        panels, named = self.maps.panels, self.found.pull(row.incoming[0], by_noise, row.spread)
        self._bars = np.zeros((*panels.nodes.shape, len(self.maps.fields)))
        for i, name in enumerate(self.maps.fields):
            if name in named:
                at = (panels.first, 0) if name in self.maps.shared else slice(None)
                self._bars[..., i][at] = named[name]

    def along(self, moved: NDArray[Any]) -> Array:
        """As of `Branches`."""
        rows = np.einsum("rqp,crqp->rc", self._bars, moved.imag)
        return np.asarray(self.maps.panels.per_step(rows).T / STEP)


def branches_of(maps: StepMaps, numbers: Array, eig: Array, with_bias: bool) -> Branches | ShortBranches:
    """Averages over branches by the shortest way there is."""
    if not with_bias and maps.error is None:
        found = maps.averages({name: value[..., 0] for name, value in maps.named(numbers).items()}, eig)
        if found is not None:
            return ShortBranches(maps, found)
    return Branches(maps, numbers, eig, with_bias)
