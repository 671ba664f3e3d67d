"""The exact process seen through a run's steps: what local errors of any kind are measured against."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.map_response import respond
from diffopt.solvers.table import Table


class ExactChain:
    """Exact states at the nodes of a run, correlated as a process with the run's noise has them.

    Attributes
    ----------
    response : Response
        Step maps of the table.
    step : RowMap
        The map of a whole step.
    root, grid_root : ndarray, shape (N R + 1, ..., d) and (N + 1, ..., d)
        Exact standard deviations at all nodes and at the grid points.
    noise : ndarray, shape (N, ..., d) or (N, 1), or None
        Fresh variance of each step; random coefficients act like noise proportional to the state's own variance.
    """

    def __init__(self, table: Table, eig: Array, with_bias: bool = False) -> None:
        self.table, self.eig = table, eig
        self.response = respond(table, eig, with_bias)
        self.step = self.response.rows[-1]
        self.root = np.sqrt(self.response.variance)
        self.grid_root = self.root[:: table.rows]
        self.noise = self.response.injected if self.step.source else None
        if self.step.spread is not None:
            self.noise = self.response.injected + self.step.spread * self.grid_root[:-1] ** 2

    @cached_property
    def kept(self) -> Array | None:
        """Squared correlation c = max(1 - n/v', 0) of a step's end with its start, shape (N, ..., d) (theory.md, eq. 31)."""
        if self.noise is None:
            return None
        return np.maximum(1 - safe(self.noise, self.grid_root[1:] ** 2), 0)

    def correlation(self, near: int, far: int) -> Array | float:
        """Correlation of the states `near` and `far` grid points before each step, along the exact process."""
        if near == far or self.kept is None:
            return 1.0
        root = np.sqrt(self.kept)
        product = np.ones_like(root)
        for j in range(near + 1, far + 1):
            product[j:] *= root[:-j]
        return product

    def computed(self) -> Array:
        """As `root`, with the nodes inside a step as the scheme makes them of exact grid points (eq. 102).

        For schemes without noise, whose states are all multiples of one normal number; with noise `root` itself.
        """
        rows = self.table.rows
        read = {p % rows for row in self.response.rows for p in row.incoming} - {0}
        if self.noise is not None or not read:
            return self.root
        made = self.root.copy()
        for k in range(self.table.steps):
            for r in range(rows - 1):
                incoming = self.response.rows[r].incoming
                made[k * rows + r + 1] = sum(a[k] * made[max(k * rows - p, 0)] for p, a in incoming.items())
        return made


def safe(top: Array | float, bottom: Array) -> Array:
    """Quotient that is 0 where the denominator is."""
    if np.minimum.reduce(bottom, axis=None, initial=np.inf) > 0:
        return np.asarray(top / bottom)
    there = bottom > 0
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.divide(top, bottom, out=np.zeros_like(bottom), where=there)
