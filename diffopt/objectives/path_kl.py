"""KL divergence between whole reverse paths: the KLUB of stochastic samplers."""

from __future__ import annotations

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.law.map_response import respond
from diffopt.law.response import RowMap
from diffopt.law.start import Start
from diffopt.law.table_bars import TableBars
from diffopt.objectives.base import Objective
from diffopt.objectives.kl import surplus
from diffopt.solvers.table import Table


class PathKL(Objective):
    """KL(exact reverse path on the grid || sampler's path) in nats, from the exact start.

    (1/2) sum over steps and eigenvalues of S^2/n - 1 - log(S^2/n) + (M - m)^2 v/n, where N(M z, S^2)
    is the exact reverse transition and N(m z, n) the sampler's (theory.md, eqs. 39-40). For
    `euler_ancestral` with eta = 1 this is the KLUB of Sabour, Fidler, Kreis (2024), arXiv:2404.14507.
    It needs noise in every step (so a grid that ends above 0) and a solver without memory.
    """

    name = "path_kl"
    unit = "nats"
    summary = "exact KL between reverse paths (KLUB); stochastic one-step solvers, --end sigma_min"

    def total(self, table: Table, spectrum: Spectrum, start: Start) -> float:
        """Sum over steps and eigenvalues."""
        return float(_Transitions(table, spectrum).loss)

    def total_and_bars(self, table: Table, spectrum: Spectrum, start: Start) -> tuple[float, TableBars]:
        """The sum and its derivatives."""
        transitions = _Transitions(table, spectrum)
        bars = TableBars.zeros(table)
        if np.isfinite(transitions.loss):
            transitions.pull_back(bars)
        return float(transitions.loss), bars

    def totals(self, table: Table, spectrum: Spectrum, start: Start) -> Array:
        """The sums of the grids of a stacked table, shape (B,)."""
        return _Transitions(table, spectrum).loss

    def finish(self, total: float) -> tuple[float, float]:
        """The sum itself."""
        return total, 1.0


class _Transitions:
    """Exact and numerical transitions of every step, arrays of shape (N, ..., d)."""

    def __init__(self, table: Table, spectrum: Spectrum) -> None:
        self.table, self.spectrum = table, spectrum
        self.response = respond(table, spectrum.eig)
        if self.response.rows[-1].spread is not None:
            raise UnsupportedError("objective 'path_kl' needs Gaussian transitions, not a random midpoint")
        if self.response.reach > 1:
            raise UnsupportedError("objective 'path_kl' needs a solver without memory, e.g. euler_ancestral")
        alpha = table.alpha[:: table.rows]
        v = self.response.variance[:: table.rows]
        self.before, self.after = v[:-1], v[1:]
        self.scale = (alpha[:-1] / alpha[1:])[..., None]
        self.mean = self.scale * self.after / self.before
        self.variance = self.after * (1 - self.scale * self.mean)
        self.noise = self.response.injected + np.zeros_like(self.after)
        self.gap = self.mean - self.response.rows[-1].incoming[0]
        self.loss = self._loss()

    def _loss(self) -> Array:
        off = (self.noise <= 0) | (self.variance <= 0)
        undefined = off.any(axis=(0, -1))
        if undefined.all():
            return np.full(undefined.shape, np.inf)
        noise, variance = np.where(off, 1.0, self.noise), np.where(off, 1.0, self.variance)
        each = surplus(variance, noise) + self.gap**2 * self.before / noise
        return np.where(undefined, np.inf, 0.5 * (each @ self.spectrum.weight).sum(axis=0))

    def pull_back(self, bars: TableBars) -> None:
        """Eqs. (39)-(40) backwards."""
        w, n, gap = self.spectrum.weight, self.noise, self.gap
        by_gap = w * gap * self.before / n
        by_noise = 0.5 * w * (1 / n - self.variance / n**2 - gap**2 * self.before / n**2)
        by_variance = 0.5 * w * (1 / n - 1 / self.variance)
        # S^2 = v' (1 - c M), M = c v'/v.
        by_mean = by_gap - by_variance * self.after * self.scale
        by_after = by_variance * (1 - self.scale * self.mean) + by_mean * self.scale / self.before
        by_before = 0.5 * w * gap**2 / n - by_mean * self.mean / self.before
        by_scale = (by_mean * self.after / self.before - by_variance * self.after * self.mean).sum(axis=-1)
        self._level_bars(by_before, by_after, by_scale, bars)
        row = RowMap({0: -by_gap}, {s: 2 * b * by_noise for s, b in self.response.rows[-1].source.items()})
        self.response.pull_back([*(RowMap() for _ in range(self.table.rows - 1)), row], bars)

    def _level_bars(self, by_before: Array, by_after: Array, by_scale: Array, bars: TableBars) -> None:
        """Through v = alpha^2 eig + level^2 and c = alpha/alpha'."""
        eig, rows, table = self.spectrum.eig, self.table.rows, self.table
        starts, ends = slice(None, -1, rows), slice(rows, None, rows)
        for part, bar in ((starts, by_before), (ends, by_after)):
            bars.alpha[part] += 2 * table.alpha[part] * (bar @ eig)
            bars.level[part] += 2 * table.level[part] * bar.sum(axis=-1)
        bars.alpha[starts] += by_scale / table.alpha[ends]
        bars.alpha[ends] -= by_scale * self.scale[:, 0] / table.alpha[ends]
