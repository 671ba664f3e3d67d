"""What each numerical step misses of the exact deviation, with derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.exact_chain import ExactChain, safe
from diffopt.law.response import RowMap
from diffopt.law.table_bars import TableBars


@dataclass(frozen=True, eq=False)
class StepDefects:
    """Standard deviation after the numerical step minus the exact one (theory.md, eq. 32).

    Attributes
    ----------
    chain : ExactChain
        The exact states.
    moved, total : ndarray, shape (N, ..., d)
        Deviation that earlier states bring, and with the step's fresh noise.
    values : ndarray, shape (N, ..., d)
        The defects.
    """

    chain: ExactChain
    moved: Array
    total: Array
    values: Array

    @classmethod
    def of(cls, chain: ExactChain) -> StepDefects:
        """Defects of the steps that a chain is seen through."""
        moved = _moved(chain)
        total = reached = moved
        if chain.noise is not None:
            total = reached = np.sqrt(moved**2 + chain.noise)
            if moved.min() < 0:
                reached = np.where(moved >= 0, total, 2 * np.sqrt(chain.noise) - total)
        return cls(chain, moved, total, reached - chain.grid_root[1:])

    def pull_back(self, bar: Array, damped: tuple[Array, Array] | None, root_bar: Array, bars: TableBars) -> None:
        """Add derivatives of sum(bar * values) by the table; `root_bar` has those by the exact deviations so far.

        `damped` are further derivatives by `moved` and by the fresh variance, where there is noise.
        """
        chain, moved_bar, noise_bar = self.chain, bar, None
        remembers = damped is not None and any(p >= chain.table.rows for p in chain.step.incoming)
        memory_bar = np.zeros_like(self.values) if remembers else None
        if damped is not None:
            assert chain.noise is not None
            moved_bar = bar * safe(np.abs(self.moved), self.total) + damped[0]
            noise_bar = self._by_noise(bar, chain.noise) + damped[1]
        row = RowMap()
        for p, a in chain.step.incoming.items():
            first, nodes = chain.table.reads(0, p)
            history = _history(chain, p, first)
            passed = moved_bar[first:] if isinstance(history, float) else moved_bar[first:] * history
            incoming = np.zeros_like(moved_bar) if first else np.empty_like(moved_bar)
            np.multiply(passed, chain.root[nodes], out=incoming[first:])
            row.add("incoming", p, incoming)
            root_bar[nodes] += passed * a[first:]
            if memory_bar is not None and not isinstance(history, float):
                _history_bars(chain, p, incoming * a, memory_bar)
        if memory_bar is not None and noise_bar is not None:
            _memory_bars(chain, memory_bar, noise_bar, root_bar)
        if noise_bar is not None:
            chain.response.injected_bars(noise_bar, row)
            if chain.step.spread is not None:
                row.spread = noise_bar * chain.grid_root[:-1] ** 2
                root_bar[:-1] += 2 * noise_bar * chain.step.spread * chain.grid_root[:-1]
        _through_variances(chain, row, root_bar, bars)

    def _by_noise(self, bar: Array, noise: Array) -> Array:
        if self.moved.min() >= 0:
            return 0.5 * safe(bar, self.total)
        fold = np.where(self.moved >= 0, 0.0, 1.0) * safe(1.0, np.sqrt(noise))
        sign = np.where(self.moved >= 0, 0.5, -0.5)
        return bar * (sign * safe(1.0, self.total) + fold)


def _history(chain: ExactChain, p: int, first: int) -> Array | float:
    """Correlation of the node p places back with the step's start, from step `first` on."""
    value = chain.correlation(0, p // chain.table.rows)
    return value if isinstance(value, float) else value[first:]


def _moved(chain: ExactChain) -> Array:
    """Deviation after each step without its fresh noise."""
    moved: Array | None = None
    for p, a in chain.step.incoming.items():
        first, nodes = chain.table.reads(0, p)
        part = a[first:] * chain.root[nodes]
        history = _history(chain, p, first)
        part = part if isinstance(history, float) else part * history
        if moved is None:
            moved = part if first == 0 else np.zeros_like(chain.grid_root[1:])
        if moved is not part:
            moved[first:] += part
    return np.zeros_like(chain.grid_root[1:]) if moved is None else moved


def _history_bars(chain: ExactChain, p: int, bar: Array, memory_bar: Array) -> None:
    """Through the correlations of a history node."""
    back = p // chain.table.rows
    if chain.kept is None or back == 0:
        return
    for j in range(1, back + 1):
        memory_bar[:-j] += safe(0.5 * bar[j:], chain.kept[:-j])


def _memory_bars(chain: ExactChain, memory_bar: Array, noise_bar: Array, root_bar: Array) -> None:
    """Through kept = 1 - n/v, where it is positive."""
    assert chain.noise is not None and chain.kept is not None
    bar = np.where(chain.kept > 0, safe(memory_bar, chain.grid_root[1:] ** 2), 0.0)
    noise_bar -= bar
    root_bar[chain.table.rows :: chain.table.rows] += 2 * safe(bar * chain.noise, chain.grid_root[1:])


def _through_variances(chain: ExactChain, row: RowMap, root_bar: Array, bars: TableBars) -> None:
    """Through roots of variances: what reads a node where v = 0 reads nothing."""
    row_bars = [RowMap() for _ in range(chain.table.rows - 1)] + [row]
    regular = chain.response.regular
    by_variance = np.divide(root_bar, chain.root, out=root_bar) if regular else safe(root_bar, chain.root)
    by_variance *= 0.5
    chain.response.pull_back(row_bars, bars, by_variance)
