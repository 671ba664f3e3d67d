"""The response of eigenvalues to steps given by maps, with exact derivatives by complex steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.complex_step import STEP
from diffopt.law.response import Response, RowMap
from diffopt.law.table_bars import TableBars
from diffopt.solvers.maps import StepMaps
from diffopt.solvers.table import Table


class MapResponse(Response):
    """As `Response`, for a table that carries `maps`.

    With multiplier m, injected n and mean defect b of a random branch, the row holds E m, E n, E b and
    the (co)variances of m and b over the branches (theory.md, eq. 82).
    """

    maps: StepMaps

    def __init__(self, table: Table, eig: Array, with_bias: bool = False) -> None:
        assert table.maps is not None
        self.table, self.eig, self.maps = table, eig, table.maps
        self.variance = (table.alpha**2)[:, None] * eig + (table.level**2)[:, None]
        self.regular = bool(self.variance.all())
        self._weight = self.maps.rule[1][..., None]
        m, n, b = self._branches(table.numbers)
        self._noise = self._mean(n)
        row = RowMap({0: self._mean(m)}, bias=self._mean(b) if with_bias else None)
        if np.any(self._noise):
            row.source[0] = np.sqrt(self._noise)
        if self.maps.random:
            self._gap_m = m - row.incoming[0][:, None]
            row.spread = self._mean(self._gap_m**2)
            # Of the mean nothing is computed where nobody asks for it: these arrays are long.
            if row.bias is not None:
                self._gap_b = b - row.bias[:, None]
                row.cross, row.jitter = self._mean(self._gap_m * self._gap_b), self._mean(self._gap_b**2)
        self.rows = [row]

    def _branches(self, numbers: Array) -> tuple[Array, Array, Array]:
        """(m, n, b) of every branch, each of shape (N, Q, d)."""
        shape = (*numbers.shape[:2], self.eig.size)
        values = self.maps.moments(self.maps.named(numbers), self.eig)
        m, n, b = (np.broadcast_to(value, shape) for value in values)
        return m, n, b

    def _mean(self, values: Array) -> Array:
        return np.asarray((self._weight * values).sum(axis=1))

    def pull_back(self, row_bars: list[RowMap], bars: TableBars) -> None:
        """Through the averages, then through each number by a complex step."""
        seeds = [self._weight * bar for bar in self._branch_bars(row_bars[0])]
        if self.table.moved is not None:
            for along, numbers in zip(bars.numbers, self.table.moved, strict=True):
                along += self._along(numbers, seeds).sum(axis=-1)
            return
        for i in range(len(self.maps.fields)):
            moved = self.table.numbers.astype(complex)
            moved[..., i] += 1j * STEP
            bars.numbers[:, :, i] += self._along(moved, seeds)

    def _branch_bars(self, row: RowMap) -> list[Array]:
        """Derivatives by multiplier, noise and, where the row has a mean, defect of each branch."""
        by_m = np.asarray(row.incoming[0])[:, None]
        by_n = np.zeros_like(self._noise)
        if 0 in row.source:
            root = np.sqrt(self._noise)
            np.divide(row.source[0], 2 * root, out=by_n, where=root > 0)
        if row.spread is not None:
            by_m = by_m + 2 * self._gap_m * row.spread[:, None]
        if row.bias is None:
            return [by_m, by_n[:, None]]
        by_b = row.bias[:, None]
        if row.cross is not None and row.jitter is not None:
            by_m = by_m + self._gap_b * row.cross[:, None]
            by_b = by_b + 2 * self._gap_b * row.jitter[:, None] + self._gap_m * row.cross[:, None]
        return [by_m, by_n[:, None], by_b]

    def _along(self, moved: NDArray[Any], seeds: list[Array]) -> Array:
        """Derivative along the imaginary parts of the numbers, by step and branch, shape (N, Q)."""
        parts = zip(seeds, self._branches(moved), strict=False)
        return np.asarray(sum((seed * value.imag).sum(axis=-1) for seed, value in parts) / STEP)


def respond(table: Table, eig: Array, with_bias: bool = False) -> Response:
    """Response of a table of either kind."""
    return (Response if table.maps is None else MapResponse)(table, eig, with_bias)
