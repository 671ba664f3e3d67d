"""The response of eigenvalues to steps given by maps, with exact derivatives."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.branches import branches_of
from diffopt.law.response import Response, RowMap
from diffopt.law.table_bars import TableBars
from diffopt.solvers.table import Table


class MapResponse(Response):
    """As `Response`, for a table that carries `maps`.

    With multiplier m, injected n and mean defect b of a random branch, the row holds E m, E n, E b and
    the (co)variances of m and b over the branches (theory.md, eq. 82).
    """

    def _row_maps(self, with_bias: bool) -> list[RowMap]:
        """One row, averaged over the branches."""
        assert self.table.maps is not None
        self._branches = branches_of(self.table.maps, self.table.numbers, self.eig, with_bias)
        self._noise, row = self._branches.noise, self._branches.row
        if self.table.aside:
            self._noise = self._beside(self._noise)
            more = (None if a is None else self._beside(a) for a in (row.bias, row.spread, row.cross, row.jitter))
            row = RowMap({0: self._beside(row.incoming[0])}, {}, *more)
        if np.any(self._noise):
            row.source[0] = np.sqrt(self._noise)
        return [row]

    def _beside(self, rows: Array) -> Array:
        """Steps of B grids one after the other, shape (B N, d), side by side: (N, B, d)."""
        return np.moveaxis(rows.reshape(-1, self.table.steps, rows.shape[-1]), 0, 1)

    def pull_back(self, row_bars: list[RowMap], bars: TableBars, by_variance: Array | None = None) -> None:
        """Through the averages, then along the directions in which the numbers of each branch are perturbed."""
        assert self.table.moved is not None
        row, by_noise = row_bars[0], np.zeros_like(self._noise)
        if 0 in row.source:
            root = np.sqrt(self._noise)
            np.divide(row.source[0], 2 * root, out=by_noise, where=root > 0)
        self._branches.pull(by_noise, row)
        bars.numbers[:] += self._branches.along(self.table.moved)
        if by_variance is not None:
            self.variance_bars(by_variance, bars)


def respond(table: Table, eig: Array, with_bias: bool = False) -> Response:
    """Response of a table of either kind."""
    return (Response if table.maps is None else MapResponse)(table, eig, with_bias)
