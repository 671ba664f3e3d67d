"""The Gaussian law a table really produces, step by step, and the pull-back through the steps."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffopt.map_response import respond
from diffopt.response import RowMap, TableBars
from diffopt.spectrum import Spectrum
from diffopt.table import Table

Array = NDArray[np.float64]
Start = Literal["exact", "sigma", "unit"]
STARTS: tuple[Start, ...] = ("exact", "sigma", "unit")


def start_variance(table: Table, eig: Array, start: Start) -> Array:
    """Variance per eigenvalue of the initial law, shape (d,) (theory.md, eq. 25).

    `exact`: alpha^2 eig + level^2; `sigma`: level^2, i.e. N(0, sigma_max^2) in the noise-ratio picture;
    `unit`: alpha^2 + level^2, i.e. N(0, 1 + sigma_max^2), which is N(0, 1) for variance-preserving ones.
    """
    alpha, level = float(table.alpha[0]), float(table.level[0])
    signal = {"exact": eig, "sigma": np.zeros_like(eig), "unit": np.ones_like(eig)}[start]
    return np.asarray(alpha**2 * signal + level**2)


def start_bars(table: Table, eig: Array, start: Start, bar: Array, bars: TableBars) -> None:
    """Pull-back of :func:`start_variance`."""
    signal = {"exact": eig, "sigma": np.zeros_like(eig), "unit": np.ones_like(eig)}[start]
    bars.alpha[0] += 2 * table.alpha[0] * float(bar @ signal)
    bars.level[0] += 2 * table.level[0] * float(bar.sum())


class Law:
    """Exact mean and variance per eigenvalue of the output of a table (theory.md, eqs. 26-28).

    With A_k the map of the carried nodes and b_k the noise, covariances follow C' = A C A^T + b b^T and
    deviations of the mean (per unit data mean) e' = A e + bias.

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
        self._mean_pull: Array | None = None
        first = start_variance(table, spectrum.eig, start)
        with np.errstate(over="ignore", invalid="ignore"):
            self._means = self._run_mean() if spectrum.mean is not None else None
            self._covariances = self._run_variance(first)
        self.variance: Array = self._covariances[-1] if self._reach == 1 else self._covariances[-1][0, 0]
        self.mean_gap: Array | None = None if self._means is None else self._means[-1][0]

    def _transition(self, k: int) -> Array:
        """A_k, shape (P, P, d): new carried nodes from old ones (rows of the step, then a shift)."""
        size, rows = self._reach, self.table.rows
        matrix = np.zeros((size, size, self.spectrum.eig.size))
        for i in range(size):
            if i >= rows:
                matrix[i, i - rows] = 1.0
                continue
            for p, value in self.response.rows[rows - 1 - i].incoming.items():
                matrix[i, p] = value[k]
        return matrix

    def _noise(self, k: int) -> list[Array]:
        """Noise vectors b_k by source, each of shape (P, d)."""
        size, rows = self._reach, self.table.rows
        vectors = []
        for s in sorted({s for row in self.response.rows for s in row.source}):
            vector = np.zeros((size, self.spectrum.eig.size))
            for i in range(min(size, rows)):
                vector[i] = self.response.rows[rows - 1 - i].source.get(s, np.zeros((k + 1, 1)))[k]
            vectors.append(vector)
        return vectors

    def _run_variance(self, first: Array) -> list[Array]:
        response, steps = self.response, self.table.steps
        if self._reach == 1:
            square = response.rows[-1].incoming[0] ** 2
            injected, noisy = response.injected, bool(response.rows[-1].source)
            if response.rows[-1].spread is not None:
                square, injected, noisy = square + response.rows[-1].spread, injected + self._random_mean(), True
            history = [first]
            for k in range(steps):
                new = square[k] * history[-1]
                history.append(new + injected[k] if noisy else new)
            return history
        covariance = np.zeros((self._reach, self._reach, first.size))
        covariance[0, 0] = first
        history = [covariance]
        for k in range(steps):
            a = self._transition(k)
            covariance = np.einsum("ijd,jkd,lkd->ild", a, covariance, a, optimize=["einsum_path", (0, 1), (0, 1)])
            for b in self._noise(k):
                covariance = covariance + b[:, None] * b[None, :]
            history.append(covariance)
        return history

    def _random_mean(self) -> Array:
        """Variance that random coefficients make of the mean's error, shape (N, d) (theory.md, eq. 82)."""
        row = self.response.rows[-1]
        if self._means is None or self.spectrum.mean is None:
            return np.zeros((self.table.steps, 1))
        e = np.stack([gap[0] for gap in self._means[:-1]])
        assert row.spread is not None and row.cross is not None and row.jitter is not None
        return np.asarray(self.spectrum.mean**2 * (row.spread * e**2 + 2 * row.cross * e + row.jitter))

    def _run_mean(self) -> list[Array]:
        gap = np.zeros((self._reach, self.spectrum.eig.size))
        gap[0] = 0.0 if self.start == "exact" else -self.table.alpha[0]
        history = [gap]
        for k in range(self.table.steps):
            new = np.einsum("ijd,jd->id", self._transition(k), history[-1])
            for i in range(min(self._reach, self.table.rows)):
                new[i] += self._bias(i)[k]
            history.append(new)
        return history

    def _bias(self, i: int) -> Array:
        bias = self.response.rows[self.table.rows - 1 - i].bias
        assert bias is not None
        return bias

    def pull_back(self, variance_bar: Array, mean_bar: Array | None, bars: TableBars) -> None:
        """Add derivatives with respect to the table, given those with respect to the output law."""
        row_bars = [_empty_bars(row, self.table.steps, self.spectrum.eig.size) for row in self.response.rows]
        first = self._variance_bars(variance_bar, row_bars)
        start_bars(self.table, self.spectrum.eig, self.start, first, bars)
        if mean_bar is not None and self._means is not None:
            start = self._mean_bars(mean_bar, row_bars)
            if self.start != "exact":
                bars.alpha[0] -= start.sum()
        self.response.pull_back(row_bars, bars)

    def _variance_bars(self, bar: Array, row_bars: list[RowMap]) -> Array:
        if self._reach == 1:
            return self._simple_bars(bar, row_bars[-1])
        size, rows = self._reach, self.table.rows
        lam = np.zeros((size, size, bar.size))
        lam[0, 0] = bar
        for k in reversed(range(self.table.steps)):
            a = self._transition(k)
            for i in range(min(size, rows)):
                source = row_bars[rows - 1 - i].source
                for s, b in zip(source, self._noise(k), strict=False):
                    source[s][k] += 2 * np.einsum("jd,jd->d", lam[i], b)
            la = np.einsum("ijd,jkd->ikd", lam, a)
            grad = 2 * np.einsum("ijd,jkd->ikd", la, self._covariances[k])
            for i in range(min(size, rows)):
                for p, target in row_bars[rows - 1 - i].incoming.items():
                    target[k] += grad[i, p]
            lam = np.einsum("jid,jkd->ikd", a, la)
        return np.asarray(lam[0, 0])

    def _simple_bars(self, bar: Array, row: RowMap) -> Array:
        a = self.response.rows[-1].incoming[0]
        square = a**2
        if self.response.rows[-1].spread is not None:
            square = square + self.response.rows[-1].spread
        lam = bar
        lams = np.empty_like(a)
        for k in reversed(range(self.table.steps)):
            lams[k] = lam
            lam = square[k] * lam
        if row.spread is not None:
            row.spread += np.stack(self._covariances[:-1]) * lams
            self._random_bars(lams, row)
        row.incoming[0] += 2 * a * np.stack(self._covariances[:-1]) * lams
        for s, value in self.response.rows[-1].source.items():
            row.source[s] += 2 * value * lams
        return np.asarray(lam)

    def _random_bars(self, lams: Array, row: RowMap) -> None:
        """Pull-back of :meth:`_random_mean`; what reaches the mean's error is kept for :meth:`_mean_bars`."""
        if self._means is None or self.spectrum.mean is None:
            return
        own = self.response.rows[-1]
        e = np.stack([gap[0] for gap in self._means[:-1]])
        scaled = self.spectrum.mean**2 * lams
        row.spread = row.spread + scaled * e**2
        row.cross = row.cross + 2 * scaled * e
        row.jitter = row.jitter + scaled
        self._mean_pull = 2 * scaled * (own.spread * e + own.cross)

    def _mean_bars(self, bar: Array, row_bars: list[RowMap]) -> Array:
        assert self._means is not None
        size, rows = self._reach, self.table.rows
        lam = np.zeros((size, bar.size))
        lam[0] = bar
        for k in reversed(range(self.table.steps)):
            for i in range(min(size, rows)):
                row = row_bars[rows - 1 - i]
                assert row.bias is not None
                row.bias[k] += lam[i]
                for p, target in row.incoming.items():
                    target[k] += lam[i] * self._means[k][p]
            lam = np.einsum("ijd,id->jd", self._transition(k), lam)
            if self._mean_pull is not None:
                lam[0] += self._mean_pull[k]
        return np.asarray(lam[0])


def _empty_bars(row: RowMap, steps: int, dim: int) -> RowMap:
    """Zero derivatives with respect to a row map."""
    return RowMap(
        {p: np.zeros((steps, dim)) for p in row.incoming},
        {s: np.zeros((steps, dim)) for s in row.source},
        None if row.bias is None else np.zeros((steps, dim)),
        *(None if a is None else np.zeros((steps, dim)) for a in (row.spread, row.cross, row.jitter)),
    )
