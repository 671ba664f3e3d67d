"""What one step of a table does to each eigenvalue, and the pull-back of that map.

On Gaussian data the denoiser and the score are linear, D(z) = d z and S(z) = -z/v with
v = alpha^2 eig + level^2 and d = alpha eig/v (theory.md, eqs. 22-23), so a step is a linear map from
the nodes before it ("incoming", numbered by how far back they lie) and its noise sources.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.error_sizes import ErrorSizes
from diffopt.law.table_bars import TableBars
from diffopt.solvers.table import Table


@dataclass(eq=False)
class RowMap:
    """A row's state per eigenvalue: sum_p incoming[p] z[kR - p] + sum_s source[s] xi_s + bias * mu.

    Arrays have shape (N, d) or (N, 1). `bias` is how far the mean leaves its track per unit mean.
    Where a step draws its coefficients at random, `spread`, `cross` and `jitter` are the variance of
    incoming[0], its covariance with the bias, and the variance of the bias (theory.md, eq. 82).
    """

    incoming: dict[int, Array] = field(default_factory=dict)
    source: dict[int, Array] = field(default_factory=dict)
    bias: Array | None = None
    spread: Array | None = None
    cross: Array | None = None
    jitter: Array | None = None

    def add(self, store: str, key: int, value: Array) -> None:
        """Accumulate into `incoming` or `source`."""
        target: dict[int, Array] = getattr(self, store)
        target[key] = target[key] + value if key in target else value


class Response:
    """Step maps of a real table on eigenvalues `eig`, shape (d,).

    Attributes
    ----------
    variance : ndarray, shape (N R + 1, d)
        Exact marginal variance alpha^2 eig + level^2 at every node.
    rows : list of RowMap
        One per row of a step; the last is the step itself.
    """

    _off: ErrorSizes | None = None

    def __init__(self, table: Table, eig: Array, with_bias: bool = False) -> None:
        self.table, self.eig = table, eig
        self.variance = (table.alpha**2)[..., None] * eig + (table.level**2)[..., None]
        self.regular = bool(self.variance.all())
        self.rows = self._row_maps(with_bias)

    def _row_maps(self, with_bias: bool) -> list[RowMap]:
        """The rows of a step, from the coefficients of the table."""
        self._inverse = _reciprocal(self.variance, self.regular)
        if self.table.error is not None:
            self._off = ErrorSizes(self.table, self.eig)
        self._modelled: dict[tuple[int, int], Array] = {}
        self._coefficients = {key: self._coefficient(*key) for key in self.table.active}
        return self._compose(with_bias)

    def _coefficient(self, row: int, lag: int) -> Array:
        """c = state + denoised d - score/v, shape (N, d)."""
        table, pattern = self.table, self.table.pattern
        first, nodes = table.reads(row, lag)
        inverse = self._inverse[nodes]
        inner: Array | None = None
        if (row, lag) in pattern.denoised:
            inner = (table.denoised[first:, row, lag] * table.alpha[nodes])[..., None] * self.eig
            inner *= inverse
        if (row, lag) in pattern.score:
            by_score = self._scores(table.score[first:, row, lag], nodes)
            inner = -by_score if inner is None else inner - by_score
        if inner is not None:
            self._modelled[row, lag] = inner
        state = table.state[first:, row, lag][..., None]
        if inner is None:
            inner = np.broadcast_to(state, (table.steps - first, *self.variance.shape[1:]))
        elif (row, lag) in pattern.state:
            inner = inner + state
        if self._off is not None and not self._off.random:
            inner = inner - self._off.passed(row, lag)[:, None] * self._off.gain(nodes, inverse)
        return inner if not first else np.concatenate([np.zeros((first, *self.variance.shape[1:])), inner])

    def _scores(self, coefficient: Array, nodes: slice) -> Array:
        """coefficient / v; infinite where a scheme really divides by a vanishing variance."""
        product = coefficient[..., None] * self._inverse[nodes]
        if self.regular:
            return product
        vanishing = (self.variance[nodes] == 0) & (coefficient != 0)[..., None]
        return np.where(vanishing, np.inf, product)

    def _compose(self, with_bias: bool) -> list[RowMap]:
        rows: list[RowMap] = []
        for row in range(self.table.rows):
            out = RowMap(bias=self._bias(row) if with_bias else None)
            for lag in self.table.pattern.by_row.get(row, ()):
                c = self._coefficients[row, lag]
                if lag >= row:
                    out.add("incoming", lag - row, c)
                    continue
                inner = rows[row - lag - 1]
                for p, value in inner.incoming.items():
                    out.add("incoming", p, c * value)
                for s, value in inner.source.items():
                    out.add("source", s, c * value)
                if out.bias is not None and inner.bias is not None:
                    out.bias = out.bias + c * inner.bias
            for s in range(self.table.sources):
                if (row, s) in self.table.pattern.noise:
                    scale = 1.0 if self._off is None else self._off.scale(row)
                    out.add("source", s, self.table.noise[:, row, s][..., None] * scale)
            rows.append(out)
        return rows

    def _bias(self, row: int) -> Array:
        """What the coefficients, and a model that is off at the mean (eq. 243), add to the mean; (N, 1) or (N, d)."""
        total = self._residual(row)[..., None]
        if self._off is None or self.table.error is None or self.table.error.offset is None:
            return total
        total = np.repeat(total, self.eig.size, axis=-1)
        for lag in self.table.pattern.by_row.get(row, ()):
            first, nodes = self.table.reads(row, lag)
            total[first:] += self._off.passed(row, lag)[:, None] * self._off.shift(nodes)
        return np.asarray(total)

    def _residual(self, row: int) -> Array:
        """sum_l (state alpha + denoised) - alpha_out, shape (N,): 0 where the mean stays on its track."""
        table = self.table
        total = -table.alpha[row + 1 :: table.rows]
        for lag in table.pattern.by_row.get(row, ()):
            first, nodes = table.reads(row, lag)
            total[first:] += table.state[first:, row, lag] * table.alpha[nodes] + table.denoised[first:, row, lag]
        return total

    @property
    def coefficients(self) -> dict[tuple[int, int], Array]:
        """Factor by which a row reads the node at a lag, shape (N, d), by (row, lag)."""
        return self._coefficients

    @cached_property
    def powers(self) -> Array:
        """Powers 0 and 1 of the eigenvalues, against which derivatives are summed, shape (d, 2)."""
        powers = np.ones((self.eig.size, 2))
        powers[:, 1] = self.eig
        return powers

    @property
    def reach(self) -> int:
        """Number of node positions a step must be handed: 1 for schemes without memory."""
        return 1 + max(p for row in self.rows for p in row.incoming)

    @property
    def injected(self) -> Array:
        """Variance of the noise at the end of each step, shape (N, d) or (N, 1)."""
        source = self.rows[-1].source
        if not source:
            return np.zeros((self.table.steps, *[1] * (self.variance.ndim - 1)))
        return np.asarray(sum(value**2 for value in source.values()) + self._remembered)

    @property
    def _remembered(self) -> Array | float:
        """Variance that errors of earlier steps' calls bring into each step, shape (N, d) (theory.md, eq. 173)."""
        total: Array | float = 0.0
        for p, value in self._old_errors():
            part = (value * self._off.at(self.table, p)) ** 2  # type: ignore[union-attr]
            total = total + part
        return total

    def _old_errors(self) -> list[tuple[int, Array]]:
        """Positions of error nodes of earlier steps that the step reads, with their coefficients."""
        if self._off is None or not self._off.random:
            return []
        return [(p, value) for p, value in self.rows[-1].incoming.items() if p % 2]

    def injected_bars(self, bar: Array, row: RowMap) -> None:
        """Pull-back of :attr:`injected` onto the bars of the step's row."""
        for s, value in self.rows[-1].source.items():
            row.add("source", s, 2 * value * bar)
        for p, value in self._old_errors():
            assert self._off is not None
            size = self._off.at(self.table, p)
            row.add("incoming", p, 2 * value * size**2 * bar)
            self._off.add_bars(self.table, p, 2 * value**2 * size * bar)

    def pull_back(self, row_bars: list[RowMap], bars: TableBars, by_variance: Array | None = None) -> None:
        """Add to `bars` the derivatives through the rows, given those by the rows, and those by :attr:`variance` (changed)."""
        by_variance = np.zeros_like(self.variance) if by_variance is None else by_variance
        for row in reversed(range(self.table.rows)):
            above = row_bars[row]
            for s, value in above.source.items():
                if (row, s) in self.table.pattern.noise:
                    self._noise_bars(row, s, value, bars)
            if above.bias is not None:
                self._residual_bars(row, above.bias.sum(axis=-1), bars)
            for lag in self.table.pattern.by_row.get(row, ()):
                bar = self._coefficient_bar(row, lag, above, row_bars)
                if bar is not None:
                    self._model_bars(row, lag, bar, bars, by_variance)
                    if self._off is not None and not self._off.random:
                        self._off.gain_bars(row, lag, bar, self._inverse, bars)
        if self._off is not None:
            self._off.pull_back(bars)
        self.variance_bars(by_variance, bars)

    def variance_bars(self, bar: Array, bars: TableBars) -> None:
        """Through v = alpha^2 eig + level^2."""
        by_noise, by_signal = 2 * (bar @ self.powers).T
        bars.alpha[:] += self.table.alpha * by_signal
        bars.level[:] += self.table.level * by_noise

    def _noise_bars(self, row: int, source: int, bar: Array, bars: TableBars) -> None:
        scale = 1.0 if self._off is None else self._off.scale(row)
        bars.noise[:, row, source] += (bar * scale).sum(axis=-1)
        if self._off is not None and np.ndim(scale):
            self._off.row_bars(row, bar * self.table.noise[:, row, source, None])

    def _coefficient_bar(self, row: int, lag: int, above: RowMap, row_bars: list[RowMap]) -> Array | None:
        """Derivative with respect to the coefficient (row, lag); passes on to the inner row it reads."""
        if lag >= row:
            return above.incoming.get(lag - row)
        c, inner, below = self._coefficients[row, lag], self.rows[row - lag - 1], row_bars[row - lag - 1]
        total: Array | float = 0.0
        for store in ("incoming", "source"):
            for key, bar in getattr(above, store).items():
                value = getattr(inner, store).get(key)
                if value is not None:
                    total = total + bar * value
                    below.add(store, key, bar * c)
        if above.bias is not None and inner.bias is not None:
            total = total + above.bias * inner.bias
            below.bias = above.bias * c if below.bias is None else below.bias + above.bias * c
        return np.asarray(total) if np.ndim(total) else None

    def _model_bars(self, row: int, lag: int, bar: Array, bars: TableBars, by_variance: Array) -> None:
        """Through c = state + (denoised alpha eig - score)/v to coefficients, signal and variances (theory.md, eq. 24)."""
        table, pattern, place = self.table, self.table.pattern, (row, lag)
        first, nodes = table.reads(row, lag)
        bar = bar[first:]
        if place in pattern.state:
            bars.state[first:, row, lag] += np.add.reduce(bar, axis=-1)
        if place not in self._modelled:
            return
        once = bar * self._inverse[nodes]
        plain, by_eig = (once @ self.powers).T
        if place in pattern.score:
            bars.score[first:, row, lag] -= plain
        if place in pattern.denoised:
            bars.denoised[first:, row, lag] += table.alpha[nodes] * by_eig
            bars.alpha[nodes] += table.denoised[first:, row, lag] * by_eig
        by_variance[nodes] -= np.multiply(once, self._modelled[place], out=once)

    def _residual_bars(self, row: int, bar: Array, bars: TableBars) -> None:
        table = self.table
        bars.alpha[row + 1 :: table.rows] -= bar
        for lag in table.pattern.by_row.get(row, ()):
            first, nodes = table.reads(row, lag)
            bars.state[first:, row, lag] += bar[first:] * table.alpha[nodes]
            bars.denoised[first:, row, lag] += bar[first:]
            bars.alpha[nodes] += bar[first:] * table.state[first:, row, lag]


def _reciprocal(variance: Array, regular: bool) -> Array:
    """1/v, with 0 at v = 0: there eig = 0 too and the denoiser's gain alpha eig/v is 0."""
    if regular:
        return 1.0 / variance
    return np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0)
