"""Local errors that cannot cancel, carried to the end, with derivatives."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.exact_chain import ExactChain, safe
from diffopt.law.response import RowMap
from diffopt.law.start import Start, start_bars, start_variance
from diffopt.law.table_bars import TableBars
from diffopt.solvers.table import Table


class Accumulated:
    """Per eigenvalue what is carried to the end: absolute and signed sums of local defects, and the start's mismatch.

    `end` has two rows of shape (d,), and a third where the start is not exact (theory.md, eq. 34).
    With `soft`, absolute values |x| of relative defects are sqrt(x^2 + soft^2) - soft (theory.md, eq. 386).
    """

    def __init__(self, table: Table, eig: Array, start: Start, soft: float = 0.0) -> None:
        self.table, self.eig, self.start, self.soft = table, eig, start, soft
        self.chain = ExactChain(table, eig)
        self.response, self.step, self.noise = self.chain.response, self.chain.step, self.chain.noise
        self.root, self.grid_root = self.chain.root, self.chain.grid_root
        self._defects()
        self._damping()
        self._gather()

    def _nodes(self, p: int) -> tuple[int, slice]:
        """First step that reaches p nodes back, and the nodes it reaches from then on."""
        return self.table.reads(0, p)

    def _history(self, p: int, first: int) -> Array | float:
        """Correlation of the node p places back with the step's start, from step `first` on."""
        value = self.chain.correlation(0, p // self.table.rows)
        return value if isinstance(value, float) else value[first:]

    def _defects(self) -> None:
        """Standard deviation after the numerical step minus the exact one (eq. 32)."""
        moved: Array | None = None
        for p, a in self.step.incoming.items():
            first, nodes = self._nodes(p)
            part = a[first:] * self.root[nodes]
            history = self._history(p, first)
            part = part if isinstance(history, float) else part * history
            if moved is None:
                moved = part if first == 0 else np.zeros_like(self.grid_root[1:])
            if moved is not part:
                moved[first:] += part
        self.moved: Array = np.zeros_like(self.grid_root[1:]) if moved is None else moved
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
        kappa = min(s, 1) / min(t, 1), which tends to 1 as the noise vanishes.
        """
        self.kappa: Array | None = None
        if self.noise is not None:
            v = self.grid_root[1:] ** 2
            self.share, self.fresh = safe(self.moved**2, v), safe(self.noise, v)
            self.both = np.minimum(self.share + self.fresh, 1)
            self.kappa = safe(np.minimum(self.share, 1), self.both)

    def _gather(self) -> None:
        """Sums sqrt(v_N) (relative defects, damped by later kappas) + last defect, absolute and signed (eq. 34).

        Place 0 of the steps is the start, which has a sum of its own.
        """
        root = self.grid_root
        self.relative = np.zeros((2 if self.start == "exact" else 3, *self.defect.shape))
        signed = self.relative[1]
        np.divide(self.defect[:-1], root[1:-1], out=signed[1:])
        self.relative[0] = self._absolute(signed)
        if self.start != "exact":
            v0 = start_variance(self.table, self.eig, self.start)
            self.start_gap = np.sqrt(v0) - root[0]
            np.divide(self.start_gap, root[0], out=self.relative[2, 0])
        if self.kappa is None:
            self.carried = self.relative.sum(axis=1)
        else:
            # Products of all later kappas, with the step's own and without.
            self.passed = np.ones((self.kappa.shape[0] + 1, *self.kappa.shape[1:]))
            np.multiply.accumulate(self.kappa[::-1], out=self.passed[-2::-1])
            self.carried = (self.relative * self.passed[:-1]).sum(axis=1)
        self.end: Array = root[-1] * self.carried
        self.end[0] += self._absolute(self.defect[-1], root[-1])
        self.end[1] += self.defect[-1]

    def _absolute(self, x: Array, unit: Array | float = 1.0) -> Array:
        """|x|, rounded off below `soft` units."""
        width = self.soft * unit
        return np.abs(x) if self.soft == 0 else np.hypot(x, width) - width

    def _sign(self, x: Array, unit: Array | float = 1.0) -> Array:
        """Derivative of the above by x."""
        return np.sign(x) if self.soft == 0 else safe(x, np.hypot(x, self.soft * unit))

    def pull_back(self, bar: Array, bars: TableBars) -> None:
        """Add derivatives of sum(bar * end), bar shaped as `end`, by the table."""
        root_bar = np.zeros_like(self.root)
        grid_bar = root_bar[:: self.table.rows]
        grid_bar[-1] += (bar * self.carried).sum(axis=0)
        signed_bar, noise_bar = self._gather_bars(bar * self.grid_root[-1])
        inner = self.grid_root[1:-1]
        defect_bar = np.empty_like(self.defect)
        defect_bar[-1] = bar[0] * self._sign(self.defect[-1], self.grid_root[-1]) + bar[1]
        if self.soft:
            size = np.hypot(self.defect[-1], self.soft * self.grid_root[-1])
            grid_bar[-1] += bar[0] * self.soft * (safe(self.soft * self.grid_root[-1], size) - 1)
        defect_bar[:-1] = signed_bar[1:] / inner
        grid_bar[1:-1] -= defect_bar[:-1] * self.relative[1, 1:]
        if self.start != "exact":
            self._start_gap_bars(signed_bar[0], grid_bar, bars)
        grid_bar[1:] -= defect_bar
        self._defect_bars(defect_bar, noise_bar, root_bar, bars)

    def _gather_bars(self, bar: Array) -> tuple[Array, Array | None]:
        """Derivative by the signed relative defects (at place 0 by the start's), and a place for that by the noise."""
        sign = self._sign(self.relative[1])
        if self.kappa is None or self.noise is None:
            signed_bar = bar[0] * sign + bar[1]
            signed_bar[0] = bar[-1]
            return signed_bar, None
        signed_bar = self.passed[:-1] * (bar[0] * sign + bar[1])
        signed_bar[0] = self.passed[0] * bar[-1]
        self.kappa_bar = (bar[:, None] * self.relative).sum(axis=0)
        for before, kappa, here in zip(self.kappa_bar, self.kappa, self.kappa_bar[1:], strict=False):
            here += kappa * before
        self.kappa_bar *= self.passed[1:]
        return signed_bar, np.zeros_like(self.defect)

    def _start_gap_bars(self, bar: Array, grid_bar: Array, bars: TableBars) -> None:
        first = self.grid_root[0]
        grid_bar[0] -= bar / first + bar * self.start_gap / first**2
        v0 = start_variance(self.table, self.eig, self.start)
        start_bars(self.table, self.eig, self.start, bar / first / (2 * np.sqrt(v0)), bars)

    def _defect_bars(self, bar: Array, noise_bar: Array | None, root_bar: Array, bars: TableBars) -> None:
        moved_bar = bar
        if noise_bar is not None:
            assert self.noise is not None
            self.memory_bar = np.zeros_like(self.defect)
            moved_bar = bar * safe(np.abs(self.moved), self.total_root)
            fold = np.where(self.moved >= 0, 0.0, 1.0) * safe(1.0, np.sqrt(self.noise))
            sign = np.where(self.moved >= 0, 0.5, -0.5)
            noise_bar += bar * (sign * safe(1.0, self.total_root) + fold)
            moved_bar = moved_bar + self._damping_bars(noise_bar, root_bar)
        row = RowMap()
        for p, a in self.step.incoming.items():
            first, nodes = self._nodes(p)
            history = self._history(p, first)
            passed = moved_bar[first:] if isinstance(history, float) else moved_bar[first:] * history
            incoming = np.zeros_like(moved_bar) if first else np.empty_like(moved_bar)
            np.multiply(passed, self.root[nodes], out=incoming[first:])
            row.add("incoming", p, incoming)
            root_bar[nodes] += passed * a[first:]
            if not isinstance(history, float):
                self._history_bars(p, incoming * a)
        if noise_bar is not None:
            self._memory_bars(noise_bar, root_bar)
            self.response.injected_bars(noise_bar, row)
            if self.step.spread is not None:
                row.spread = noise_bar * self.grid_root[:-1] ** 2
                root_bar[:-1] += 2 * noise_bar * self.step.spread * self.grid_root[:-1]
        row_bars = [RowMap() for _ in range(self.table.rows - 1)] + [row]
        # Through roots of variances: what reads a node where v = 0 reads nothing.
        by_variance = np.divide(root_bar, self.root, out=root_bar) if self.response.regular else safe(root_bar, self.root)
        by_variance *= 0.5
        self.response.pull_back(row_bars, bars, by_variance)

    def _history_bars(self, p: int, bar: Array) -> None:
        """Through the correlations of a history node."""
        back = p // self.table.rows
        if self.chain.kept is None or back == 0:
            return
        for j in range(1, back + 1):
            self.memory_bar[:-j] += safe(0.5 * bar[j:], self.chain.kept[:-j])

    def _memory_bars(self, noise_bar: Array, root_bar: Array) -> None:
        """Through kept = 1 - n/v, where it is positive."""
        assert self.noise is not None and self.chain.kept is not None
        bar = np.where(self.chain.kept > 0, safe(self.memory_bar, self.grid_root[1:] ** 2), 0.0)
        noise_bar -= bar
        root_bar[self.table.rows :: self.table.rows] += 2 * safe(bar * self.noise, self.grid_root[1:])

    def _damping_bars(self, noise_bar: Array, root_bar: Array) -> Array:
        """Through kappa; returns the derivative by the state after the step."""
        free = self.both < 1
        # d kappa/d share: fresh/both^2 where both < 1, 1 where share < 1 <= both, else 0.
        capped = np.where(self.share < 1, 1.0, 0.0)
        by_share = self.kappa_bar * np.where(free, safe(self.fresh, self.both**2), capped)
        by_fresh = -self.kappa_bar * np.where(free, safe(self.share, self.both**2), 0.0)
        root = self.grid_root[1:]
        noise_bar += safe(by_fresh, root**2)
        lost = safe(by_share * self.share + by_fresh * self.fresh, root)
        root_bar[self.table.rows :: self.table.rows] -= 2 * lost
        return 2 * safe(by_share * self.moved, root**2)
