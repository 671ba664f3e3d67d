"""How a model error enters step maps: a gain of the state, or noise of its own, and the pull-back of both."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.table_bars import TableBars
from diffopt.solvers.table import Table


class ErrorSizes:
    """Sizes r(eig, sigma) at the nodes of a table with an error (theory.md, eqs. 170-173).

    Attributes
    ----------
    random : bool
        Whether errors are nodes of their own (odd numbers; even numbers are states).
    size : ndarray, shape (nodes, d)
        r at every node, 0 at odd ones.
    """

    def __init__(self, table: Table, eig: Array) -> None:
        assert table.error is not None
        self.table, self.eig, self.random = table, eig, table.error.random
        self._stride = 2 if self.random else 1
        alpha, level = table.alpha[:: self._stride], table.level[:: self._stride]
        # Pure noise and noise 0 are refused where the model is called; elsewhere the size is not used.
        self._known = (alpha > 0) & (level > 0)
        sigma = np.where(self._known, level, 1.0) / np.where(self._known, alpha, 1.0)
        shape = (sigma.size, eig.size)
        self.size = np.zeros((table.alpha.size, eig.size))
        self.size[:: self._stride] = np.broadcast_to(table.error.size(eig[None], sigma[:, None]), shape)
        self.slope = np.broadcast_to(table.error.slope(eig[None], sigma[:, None]), shape)
        self._bar = np.zeros_like(self.size)

    def passed(self, row: int, lag: int) -> Array:
        """B + C alpha/s^2 where a row reads: what it makes of an error of the denoiser, from its first step on."""
        first, nodes = self.table.reads(row, lag)
        level = np.where(self.table.level[nodes] > 0, self.table.level[nodes], 1.0)
        score = self.table.score[first:, row, lag]
        return np.asarray(self.table.denoised[first:, row, lag] + score * self.table.alpha[nodes] / level**2)

    def gain(self, nodes: slice, inverse: Array) -> Array:
        """r/sqrt(v) at nodes, with the reciprocal variances there."""
        return np.asarray(self.size[nodes] * np.sqrt(inverse))

    def shift(self, nodes: slice) -> Array:
        """Mean of the denoiser's error per unit mean at nodes, shape (n, d) (eq. 243)."""
        assert self.table.error is not None and self.table.error.offset is not None
        known = self._known[nodes]
        level, alpha = np.where(known, self.table.level[nodes], 1.0), np.where(known, self.table.alpha[nodes], 1.0)
        return np.asarray(self.table.error.offset(self.eig[None], (level / alpha)[:, None]))

    def gain_bars(self, row: int, lag: int, bar: Array, inverse: Array, bars: TableBars) -> None:
        """Pull-back of -passed * gain in a coefficient (eq. 171)."""
        first, nodes = self.table.reads(row, lag)
        inverse, bar, passed = inverse[nodes], bar[first:], self.passed(row, lag)
        alpha, level = self.table.alpha[nodes], np.where(self.table.level[nodes] > 0, self.table.level[nodes], 1.0)
        by_passed = -(bar * self.gain(nodes, inverse)).sum(axis=-1)
        score = self.table.score[first:, row, lag]
        bars.denoised[first:, row, lag] += by_passed
        bars.score[first:, row, lag] += by_passed * alpha / level**2
        bars.alpha[nodes] += by_passed * score / level**2
        bars.level[nodes] -= 2 * by_passed * score * alpha / level**3
        by_gain = -bar * passed[:, None]
        self._bar[nodes] += by_gain * np.sqrt(inverse)
        by_variance = -0.5 * by_gain * self.size[nodes] * inverse**1.5
        bars.alpha[nodes] += 2 * alpha * (by_variance @ self.eig)
        bars.level[nodes] += 2 * self.table.level[nodes] * by_variance.sum(axis=-1)

    def scale(self, row: int) -> Array | float:
        """Factor on the noise of a row: r of the node before it for the rows of errors, else 1."""
        return self.size[row : -1 : self.table.rows] if self.random and row % 2 == 0 else 1.0

    def row_bars(self, row: int, bar: Array) -> None:
        """Pull-back of :meth:`scale`."""
        self._bar[row : -1 : self.table.rows] += bar

    def at(self, table: Table, p: int) -> Array:
        """r of the error node p places before each step's start, 0 before the run, shape (N, d)."""
        nodes = np.arange(table.steps) * table.rows - p - 1
        return np.where((nodes >= 0)[:, None], self.size[np.maximum(nodes, 0)], 0.0)

    def add_bars(self, table: Table, p: int, bar: Array) -> None:
        """Pull-back of :meth:`at`."""
        nodes = np.arange(table.steps) * table.rows - p - 1
        np.add.at(self._bar, nodes[nodes >= 0], bar[nodes >= 0])

    def pull_back(self, bars: TableBars) -> None:
        """From sizes to signal and noise scales, through sigma = level/alpha."""
        by_sigma = np.where(self._known, (self._bar[:: self._stride] * self.slope).sum(axis=-1), 0.0)
        alpha = np.where(self._known, self.table.alpha[:: self._stride], 1.0)
        bars.level[:: self._stride] += by_sigma / alpha
        bars.alpha[:: self._stride] -= by_sigma * self.table.level[:: self._stride] / alpha**2
        self._bar = np.zeros_like(self._bar)
