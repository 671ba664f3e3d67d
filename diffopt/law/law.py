"""The Gaussian law a table really produces, step by step, and the pull-back through the steps."""

from __future__ import annotations

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.map_response import respond
from diffopt.law.response import RowMap
from diffopt.law.rounding import rounding
from diffopt.law.start import Start, start_bars, start_variance
from diffopt.law.table_bars import TableBars
from diffopt.solvers.table import Table


class Law:
    """Exact mean and variance per eigenvalue of the output of a table (theory.md, eqs. 26-28).

    With A_k the map of the carried nodes and b_k the noise, covariances follow C' = A C A^T + b b^T and
    deviations of the mean (per unit data mean) e' = A e + bias. Without noise the variance is the
    squared gain of the start; without memory everything is scalar.

    Attributes
    ----------
    variance : ndarray, shape (d,)
        Output variance in the process's coordinates at the last grid point.
    mean_gap : ndarray, shape (d,) or None
        Output mean minus alpha mu, per unit mu; None without a mean.
    """

    def __init__(self, table: Table, spectrum: Spectrum, start: Start) -> None:
        self.table, self.spectrum, self.start = table, spectrum, start
        self.response = respond(table, spectrum.eig, with_bias=spectrum.mean is not None)
        self._reach = self.response.reach
        self._first = start_variance(table, spectrum.eig, start)
        self._noisy = any(row.source for row in self.response.rows)
        self._mean_pull: Array | None = None
        with np.errstate(over="ignore", invalid="ignore"):
            self._means = self._run_mean() if spectrum.mean is not None else None
            self._run()
        self.mean_gap: Array | None = None if self._means is None else self._means[-1]

    def _run(self) -> None:
        """Output variance by the shortest way: scalars, gains of the start, or covariances."""
        self.variance: Array
        if self._reach == 1:
            self._history = self._run_scalar()
            self.variance = self._history[-1]
        elif not self._noisy:
            self._gains = self._propagate(np.ones_like(self._first), with_bias=False)
            self._settle()
            self.variance = self._gains[-1] ** 2 * self._first
        else:
            self._covariances = self._run_covariance()
            self.variance = self._covariances[-1][0, 0]

    def _settle(self) -> None:
        """No rounding is taken for variance in a null direction that ends at sigma = 0 (theory.md, eq. 105)."""
        null = self.spectrum.eig == 0
        if not np.any(null) or np.any(self.table.level[-1] != 0):
            return
        small = np.abs(self._gains[-1]) <= rounding(self.response.rows, self._needed(), self._gains)
        self._gains[-1] = np.where(null & small, 0.0, self._gains[-1])

    def _needed(self) -> list[int]:
        """Rows whose nodes a later step reads, in order; the last row always."""
        rows = self.table.rows
        read = {p % rows for row in self.response.rows for p in row.incoming}
        return [r for r in range(rows) if (rows - 1 - r) in read or r == rows - 1]

    def _propagate(self, first: Array, with_bias: bool) -> Array:
        """Every node as a linear function of the start (plus biases), shape (N R + 1, d)."""
        rows, needed = self.table.rows, self._needed()
        nodes = np.zeros((self.table.steps * rows + 1, *first.shape))
        nodes[0] = first
        for k in range(self.table.steps):
            for r in needed:
                row, out = self.response.rows[r], nodes[k * rows + r + 1]
                for p, value in row.incoming.items():
                    if k * rows >= p:
                        out += value[k] * nodes[k * rows - p]
                if with_bias and row.bias is not None:
                    out += row.bias[k]
        return nodes

    def _propagate_bars(self, nodes: Array, bar: Array, row_bars: list[RowMap], with_bias: bool) -> Array:
        """Pull-back of :meth:`_propagate`; returns the derivative by the start."""
        rows, needed = self.table.rows, self._needed()
        lam = np.zeros_like(nodes)
        lam[-1] = bar
        if with_bias and self._mean_pull is not None:
            lam[:-1] += self._mean_pull
        for k in reversed(range(self.table.steps)):
            for r in reversed(needed):
                row, above, target = self.response.rows[r], lam[k * rows + r + 1], row_bars[r]
                if with_bias and target.bias is not None:
                    target.bias[k] += above
                for p, value in row.incoming.items():
                    if k * rows >= p:
                        target.incoming[p][k] += above * nodes[k * rows - p]
                        lam[k * rows - p] += above * value[k]
        return np.asarray(lam[0])

    def _transition(self, k: int) -> Array:
        """A_k, shape (P, P, d): new carried nodes from old ones (rows of the step, then a shift)."""
        size, rows = self._reach, self.table.rows
        matrix = np.zeros((size, size, *self._first.shape))
        for i in range(size):
            if i >= rows:
                matrix[i, i - rows] = 1.0
                continue
            for p, value in self.response.rows[rows - 1 - i].incoming.items():
                matrix[i, p] = value[k]
        return matrix

    def _noise(self, k: int) -> dict[int, Array]:
        """Noise vectors b_k by source, each of shape (P, d)."""
        size, rows = self._reach, self.table.rows
        vectors = {}
        for s in sorted({s for row in self.response.rows for s in row.source}):
            vector = np.zeros((size, *self._first.shape))
            for i in range(min(size, rows)):
                vector[i] = self.response.rows[rows - 1 - i].source.get(s, np.zeros((k + 1, 1)))[k]
            vectors[s] = vector
        return vectors

    def _run_scalar(self) -> list[Array]:
        square, injected = self.square(), self.response.injected
        if self.response.rows[-1].spread is not None:
            injected, self._noisy = injected + self.random_mean(), True
        history = [self._first]
        for k in range(self.table.steps):
            new = square[k] * history[-1]
            history.append(new + injected[k] if self._noisy else new)
        return history

    def square(self) -> Array:
        """Mean square of the step's multiplier, shape (N, d)."""
        row = self.response.rows[-1]
        square = row.incoming[0] ** 2
        return square if row.spread is None else square + row.spread

    def random_mean(self) -> Array:
        """Variance that random coefficients make of the mean's error, shape (N, d) (theory.md, eq. 82)."""
        row = self.response.rows[-1]
        if self._means is None or self.spectrum.mean is None:
            return np.zeros((self.table.steps, *[1] * self._first.ndim))
        e = self._means[:-1]
        assert row.spread is not None and row.cross is not None and row.jitter is not None
        return np.asarray(self.spectrum.mean**2 * (row.spread * e**2 + 2 * row.cross * e + row.jitter))

    def _run_covariance(self) -> list[Array]:
        covariance = np.zeros((self._reach, self._reach, *self._first.shape))
        covariance[0, 0] = self._first
        history = [covariance]
        for k in range(self.table.steps):
            a = self._transition(k)
            covariance = np.einsum("ik...,lk...->il...", np.einsum("ij...,jk...->ik...", a, covariance), a)
            for b in self._noise(k).values():
                covariance = covariance + b[:, None] * b[None, :]
            history.append(covariance)
        return history

    def _run_mean(self) -> Array:
        gap = 0.0 if self.start == "exact" else -self.table.alpha[0]
        return self._propagate(np.zeros_like(self._first) + np.asarray(gap)[..., None], with_bias=True)

    def pull_back(self, variance_bar: Array, mean_bar: Array | None, bars: TableBars) -> None:
        """Add derivatives with respect to the table, given those with respect to the output law."""
        row_bars = [_empty_bars(row, self.table.steps, self.spectrum.eig.size) for row in self.response.rows]
        first = self._variance_bars(variance_bar, row_bars)
        start_bars(self.table, self.spectrum.eig, self.start, first, bars)
        if mean_bar is not None and self._means is not None:
            start = self._propagate_bars(self._means, mean_bar, row_bars, with_bias=True)
            if self.start != "exact":
                bars.alpha[0] -= start.sum()
        self.response.pull_back(row_bars, bars)

    def _variance_bars(self, bar: Array, row_bars: list[RowMap]) -> Array:
        if self._reach == 1:
            return self._scalar_bars(bar, row_bars[-1])
        if not self._noisy:
            gain = self._gains[-1]
            self._propagate_bars(self._gains, 2 * bar * gain * self._first, row_bars, with_bias=False)
            return bar * gain**2
        size, rows = self._reach, self.table.rows
        lam = np.zeros((size, size, bar.size))
        lam[0, 0] = bar
        for k in reversed(range(self.table.steps)):
            a = self._transition(k)
            vectors = self._noise(k)
            for i in range(min(size, rows)):
                for s, source in row_bars[rows - 1 - i].source.items():
                    source[k] += 2 * np.einsum("jd,jd->d", lam[i], vectors[s])
            la = np.einsum("ijd,jkd->ikd", lam, a)
            grad = 2 * np.einsum("ijd,jkd->ikd", la, self._covariances[k])
            for i in range(min(size, rows)):
                for p, target in row_bars[rows - 1 - i].incoming.items():
                    target[k] += grad[i, p]
            lam = np.einsum("jid,jkd->ikd", a, la)
        return np.asarray(lam[0, 0])

    def _scalar_bars(self, bar: Array, row: RowMap) -> Array:
        a, square = self.response.rows[-1].incoming[0], self.square()
        lam = bar
        lams = np.empty_like(a)
        for k in reversed(range(self.table.steps)):
            lams[k] = lam
            lam = square[k] * lam
        row.incoming[0] += 2 * a * np.stack(self._history[:-1]) * lams
        self._random_bars(lams, row)
        for s, value in self.response.rows[-1].source.items():
            row.source[s] += 2 * value * lams
        return np.asarray(lam)

    def _random_bars(self, lams: Array, bars: RowMap) -> None:
        """Pull-back of the random part; what reaches the mean's error waits for :meth:`_propagate_bars`."""
        row = self.response.rows[-1]
        if row.spread is None:
            return
        bars.spread = np.stack(self._history[:-1]) * lams
        if self._means is None or self.spectrum.mean is None or row.cross is None:
            return
        e, scaled = self._means[:-1], self.spectrum.mean**2 * lams
        bars.spread += scaled * e**2
        bars.cross, bars.jitter = 2 * scaled * e, scaled
        self._mean_pull = 2 * scaled * (row.spread * e + row.cross)


def _empty_bars(row: RowMap, steps: int, dim: int) -> RowMap:
    """Zero derivatives with respect to a row map."""
    return RowMap(
        {p: np.zeros((steps, dim)) for p in row.incoming},
        {s: np.zeros((steps, dim)) for s in row.source},
        None if row.bias is None else np.zeros((steps, dim)),
    )
