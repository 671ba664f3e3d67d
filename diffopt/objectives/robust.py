"""The default objective: local errors that cannot cancel, over an ensemble of scaled spectra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.map_response import respond
from diffopt.law.response import RowMap
from diffopt.law.start import Start, start_bars, start_variance
from diffopt.law.table_bars import TableBars
from diffopt.objectives.base import Objective
from diffopt.solvers.table import Table

#: Factors by which the data's spectrum is scaled: local variances of real data are mostly smaller.
SCALES = tuple(4.0 * 2.0**-j for j in range(13))


@dataclass(frozen=True)
class Robust(Objective):
    """Local errors that cannot cancel, over an ensemble of scaled spectra.

    Every step is applied to the exact trajectory (history exact too); its defect in standard
    deviation is carried to the end by the exact flow. E adds the absolute values, so that neither
    steps nor the start's mismatch cancel; S adds them with their signs. The value is the root of
    sum_c p_c sum w (E^2 + signed S^2)/(1 + signed), p_c proportional to c^tilt (theory.md, eqs. 31-34).

    Attributes
    ----------
    scales : tuple of float
        Factors c of the eigenvalues; (1,) is the data's spectrum alone.
    tilt : float
        Exponent of the shares.
    signed : float
        Weight of the signed sum beside the absolute one; it can lower the value by at most the
        factor sqrt(1 + signed), so cancellation cannot be bought.
    """

    name: ClassVar[str] = "robust"
    unit: ClassVar[str] = "data units"
    summary: ClassVar[str] = "local errors without cancellation, rms over scaled spectra (default)"
    scales: tuple[float, ...] = SCALES
    tilt: float = -0.2
    signed: float = 1.0

    def prepare(self, spectrum: Spectrum, members: Ensemble | None = None) -> Spectrum:
        """Union of the scaled spectra, weights times the shares; or of the data's own members."""
        if members is not None:
            return members.union()
        scales = np.array(self.scales)
        shares = scales**self.tilt / np.sum(scales**self.tilt)
        eig = (scales[:, None] * spectrum.eig).ravel()
        weight = (shares[:, None] * spectrum.weight).ravel()
        return Spectrum(eig, weight, None, spectrum.source)

    def total(self, table: Table, spectrum: Spectrum, start: Start) -> float:
        """sum w (E^2 + signed S^2)/(1 + signed)."""
        error = Accumulated(table, spectrum.eig, start)
        if not np.all(np.isfinite(error.end)):
            return float("inf")
        return float(self._shares() @ (error.end**2 @ spectrum.weight))

    def _shares(self) -> Array:
        """Shares of the absolute and of the signed sum."""
        return np.array([1.0, self.signed]) / (1 + self.signed)

    def total_and_bars(self, table: Table, spectrum: Spectrum, start: Start) -> tuple[float, TableBars]:
        """The sum and its derivatives."""
        error = Accumulated(table, spectrum.eig, start)
        bars, shares = TableBars.zeros(table), self._shares()
        error.pull_back(2 * shares[:, None] * spectrum.weight * error.end, bars)
        return float(shares @ (error.end**2 @ spectrum.weight)), bars

    def finish(self, total: float) -> tuple[float, float]:
        """Square root."""
        root = float(np.sqrt(total))
        return root, 0.5 / root if root > 0 else 0.0


class Accumulated:
    """E per eigenvalue, shape (d,): start mismatch and absolute local defects, carried to the end."""

    def __init__(self, table: Table, eig: Array, start: Start) -> None:
        self.table, self.eig, self.start = table, eig, start
        self.response = respond(table, eig)
        self.step = self.response.rows[-1]
        self.root = np.sqrt(self.response.variance)
        self.grid_root = self.root[:: table.rows]
        self.noise = self.response.injected if self.step.source else None
        if self.step.spread is not None:
            # Random coefficients act like noise that is proportional to the state's own variance.
            self.noise = self.response.injected + self.step.spread * self.grid_root[:-1] ** 2
        self._remember()
        self._defects()
        self._damping()
        self._gather()

    def _remember(self) -> None:
        """Squared correlation of neighbouring states of the exact process with this noise, 1 - n/v."""
        self.memory: Array | None = None
        if self.noise is not None:
            self.memory = np.maximum(1 - _safe(self.noise, self.grid_root[1:] ** 2), 0)

    def _history(self, p: int) -> Array:
        """Correlation of the node p places back with the step's start along the exact process."""
        back = p // self.table.rows
        if self.memory is None or back == 0:
            return np.ones((self.table.steps, 1))
        root = np.sqrt(self.memory)
        product = np.ones_like(root)
        for j in range(1, back + 1):
            product[j:] *= root[:-j]
        return product

    def _nodes(self, p: int) -> tuple[int, slice]:
        """First step that reaches p nodes back, and the nodes it reaches from then on."""
        return self.table.reads(0, p)

    def _defects(self) -> None:
        """Standard deviation after the numerical step minus the exact one (eq. 32)."""
        self.moved = np.zeros((self.table.steps, self.eig.size))
        for p, a in self.step.incoming.items():
            first, nodes = self._nodes(p)
            self.moved[first:] += a[first:] * self.root[nodes] * self._history(p)[first:]
        if self.noise is None:
            self.reached = self.moved
        else:
            self.total_root = np.sqrt(self.moved**2 + self.noise)
            folded = 2 * np.sqrt(self.noise) - self.total_root
            self.reached = np.where(self.moved >= 0, self.total_root, folded)
        self.defect = self.reached - self.grid_root[1:]

    def _damping(self) -> None:
        """Factor kappa by which a step passes a relative variance error on (eq. 33); None without noise.

        With s = share of the state in the variance and t = share + fresh noise, both relative to v:
        kappa = s / min(t, 1), which is 1 without noise and s where the scheme amplifies.
        """
        self.kappa: Array | None = None
        if self.noise is not None:
            v = self.grid_root[1:] ** 2
            self.share, self.fresh = _safe(self.moved**2, v), _safe(self.noise, v)
            self.both = np.minimum(self.share + self.fresh, 1)
            self.kappa = _safe(self.share, self.both)

    def _gather(self) -> None:
        """Sums sqrt(v_N) (relative defects, damped by later kappas) + last defect, absolute and signed (eq. 34)."""
        root, steps = self.grid_root, self.table.steps
        v0 = start_variance(self.table, self.eig, self.start)
        self.start_gap = np.sqrt(v0) - root[0]
        signed = np.empty_like(self.defect)
        signed[0] = self.start_gap / root[0]
        np.divide(self.defect[:-1], root[1:-1], out=signed[1:])
        self.relative = np.stack([np.abs(signed), signed])
        if self.kappa is None:
            self.carried = self.relative.sum(axis=1)
        else:
            self.before = np.empty_like(self.relative)
            running = np.zeros_like(self.relative[:, 0])
            for k in range(steps):
                running = running + self.relative[:, k]
                self.before[:, k] = running
                running = self.kappa[k] * running
            self.carried = running
        self.end: Array = root[-1] * self.carried + np.stack([np.abs(self.defect[-1]), self.defect[-1]])

    def pull_back(self, bar: Array, bars: TableBars) -> None:
        """Add derivatives of sum(bar * end), bar of shape (2, d), by the table."""
        root_bar = np.zeros_like(self.root)
        grid_bar = root_bar[:: self.table.rows]
        grid_bar[-1] += (bar * self.carried).sum(axis=0)
        signed_bar, noise_bar = self._gather_bars(bar * self.grid_root[-1])
        inner = self.grid_root[1:-1]
        defect_bar = np.empty_like(self.defect)
        defect_bar[-1] = bar[0] * np.sign(self.defect[-1]) + bar[1]
        defect_bar[:-1] = signed_bar[1:] / inner
        grid_bar[1:-1] -= defect_bar[:-1] * self.relative[1, 1:]
        self._start_gap_bars(signed_bar[0], grid_bar, bars)
        grid_bar[1:] -= defect_bar
        self._defect_bars(defect_bar, noise_bar, root_bar, bars)
        self._root_bars(root_bar, bars)

    def _gather_bars(self, bar: Array) -> tuple[Array, Array | None]:
        """Derivative by the signed relative defects, and a place for that by the noise."""
        sign = np.sign(self.relative[1])
        if self.kappa is None or self.noise is None:
            return bar[0] * sign + bar[1], None
        signed_bar, self.kappa_bar = np.empty_like(self.defect), np.empty_like(self.defect)
        for k in reversed(range(self.table.steps)):
            self.kappa_bar[k] = (bar * self.before[:, k]).sum(axis=0)
            bar = bar * self.kappa[k]
            signed_bar[k] = bar[0] * sign[k] + bar[1]
        return signed_bar, np.zeros_like(self.defect)

    def _start_gap_bars(self, bar: Array, grid_bar: Array, bars: TableBars) -> None:
        if self.start == "exact":
            return
        first = self.grid_root[0]
        grid_bar[0] -= bar / first + bar * self.start_gap / first**2
        v0 = start_variance(self.table, self.eig, self.start)
        start_bars(self.table, self.eig, self.start, bar / first / (2 * np.sqrt(v0)), bars)

    def _defect_bars(self, bar: Array, noise_bar: Array | None, root_bar: Array, bars: TableBars) -> None:
        moved_bar = bar
        if noise_bar is not None:
            assert self.noise is not None
            self.memory_bar = np.zeros_like(self.defect)
            moved_bar = bar * _safe(np.abs(self.moved), self.total_root)
            fold = np.where(self.moved >= 0, 0.0, 1.0) * _safe(1.0, np.sqrt(self.noise))
            sign = np.where(self.moved >= 0, 0.5, -0.5)
            noise_bar += bar * (sign * _safe(1.0, self.total_root) + fold)
            moved_bar = moved_bar + self._damping_bars(noise_bar, root_bar)
        row = RowMap()
        for p, a in self.step.incoming.items():
            (first, nodes), history = self._nodes(p), self._history(p)
            incoming = np.zeros_like(moved_bar)
            incoming[first:] = moved_bar[first:] * self.root[nodes] * history[first:]
            row.add("incoming", p, incoming)
            root_bar[nodes] += moved_bar[first:] * a[first:] * history[first:]
            self._history_bars(p, incoming * a)
        if noise_bar is not None:
            self._memory_bars(noise_bar, root_bar)
            self.response.injected_bars(noise_bar, row)
            if self.step.spread is not None:
                row.spread = noise_bar * self.grid_root[:-1] ** 2
                root_bar[:-1] += 2 * noise_bar * self.step.spread * self.grid_root[:-1]
        row_bars = [RowMap() for _ in range(self.table.rows - 1)] + [row]
        self.response.pull_back(row_bars, bars)

    def _history_bars(self, p: int, bar: Array) -> None:
        """Through the correlations of a history node."""
        back = p // self.table.rows
        if self.memory is None or back == 0:
            return
        for j in range(1, back + 1):
            self.memory_bar[:-j] += _safe(0.5 * bar[j:], self.memory[:-j])

    def _memory_bars(self, noise_bar: Array, root_bar: Array) -> None:
        """Through memory = 1 - n/v, where it is positive."""
        assert self.noise is not None and self.memory is not None
        bar = np.where(self.memory > 0, _safe(self.memory_bar, self.grid_root[1:] ** 2), 0.0)
        noise_bar -= bar
        root_bar[self.table.rows :: self.table.rows] += 2 * _safe(bar * self.noise, self.grid_root[1:])

    def _damping_bars(self, noise_bar: Array, root_bar: Array) -> Array:
        """Through kappa; returns the derivative by the state after the step."""
        free = self.both < 1
        by_share = self.kappa_bar * np.where(free, _safe(self.fresh, self.both**2), 1.0)
        by_fresh = -self.kappa_bar * np.where(free, _safe(self.share, self.both**2), 0.0)
        root = self.grid_root[1:]
        noise_bar += _safe(by_fresh, root**2)
        lost = _safe(by_share * self.share + by_fresh * self.fresh, root)
        root_bar[self.table.rows :: self.table.rows] -= 2 * lost
        return 2 * _safe(by_share * self.moved, root**2)

    def _root_bars(self, root_bar: Array, bars: TableBars) -> None:
        """Through sqrt(alpha^2 eig + level^2)."""
        scaled = _safe(root_bar, self.root)
        bars.alpha[:] += self.table.alpha * (scaled @ self.eig)
        bars.level[:] += self.table.level * scaled.sum(axis=-1)


def _safe(top: Array | float, bottom: Array) -> Array:
    """Quotient that is 0 where the denominator is."""
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.divide(top, bottom, out=np.zeros_like(bottom), where=bottom > 0)
