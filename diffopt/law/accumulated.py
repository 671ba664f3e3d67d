"""Local errors that cannot cancel, carried to the end, with derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.damping import Damping
from diffopt.law.exact_chain import ExactChain, safe
from diffopt.law.start import Start, start_bars, start_variance
from diffopt.law.step_defects import StepDefects
from diffopt.law.table_bars import TableBars
from diffopt.solvers.table import Table


@dataclass(frozen=True, eq=False)
class Accumulated:
    """Per eigenvalue what is carried to the end: absolute and signed sums of local defects, and the start's mismatch.

    With `soft`, absolute values |x| of relative defects are sqrt(x^2 + soft^2) - soft (theory.md, eq. 386).

    Attributes
    ----------
    defects : StepDefects
        What each step misses.
    damping : Damping or None
        How later steps pass it on; None without noise.
    start : str
        The initial law.
    gap : ndarray, shape (..., d), or None
        Deviation of the start minus the exact one; None where it is exact.
    relative, carried : ndarray, shape (2 or 3, N, ..., d) and (2 or 3, ..., d)
        Relative defects, absolute and signed, and in a third row the start's; and their damped sums. Place 0 of the
        steps is the start.
    end : ndarray, shape (2 or 3, ..., d)
        The sums (eq. 34).
    """

    defects: StepDefects
    damping: Damping | None
    start: Start
    soft: float
    gap: Array | None
    relative: Array
    carried: Array
    end: Array

    @classmethod
    def of(cls, table: Table, eig: Array, start: Start, soft: float = 0.0) -> Accumulated:
        """Sums sqrt(v_N) (relative defects, damped by later kappas) + last defect, absolute and signed (eq. 34)."""
        chain = ExactChain(table, eig)
        defects, root = StepDefects.of(chain), chain.grid_root
        damping = None if chain.noise is None else Damping.of(defects.moved, chain.noise, root[1:])
        relative, gap = np.zeros((2 if start == "exact" else 3, *defects.values.shape)), None
        signed = relative[1]
        np.divide(defects.values[:-1], root[1:-1], out=signed[1:])
        relative[0] = _absolute(signed, soft)
        if start != "exact":
            gap = np.sqrt(start_variance(table, eig, start)) - root[0]
            np.divide(gap, root[0], out=relative[2, 0])
        carried = (relative if damping is None else relative * damping.passed[:-1]).sum(axis=1)
        end: Array = root[-1] * carried
        end[0] += _absolute(defects.values[-1], soft, root[-1])
        end[1] += defects.values[-1]
        return cls(defects, damping, start, soft, gap, relative, carried, end)

    def pull_back(self, bar: Array, bars: TableBars) -> None:
        """Add derivatives of sum(bar * end), bar shaped as `end`, by the table."""
        chain, values = self.defects.chain, self.defects.values
        root = chain.grid_root
        root_bar = np.zeros_like(chain.root)
        grid_bar = root_bar[:: chain.table.rows]
        grid_bar[-1] += (bar * self.carried).sum(axis=0)
        signed_bar = self._signed_bar(bar * root[-1])
        defect_bar = np.empty_like(values)
        defect_bar[-1] = bar[0] * _sign(values[-1], self.soft, root[-1]) + bar[1]
        if self.soft:
            size = np.hypot(values[-1], self.soft * root[-1])
            grid_bar[-1] += bar[0] * self.soft * (safe(self.soft * root[-1], size) - 1)
        defect_bar[:-1] = signed_bar[1:] / root[1:-1]
        grid_bar[1:-1] -= defect_bar[:-1] * self.relative[1, 1:]
        if self.gap is not None:
            self._gap_bars(signed_bar[0], self.gap, grid_bar, bars)
        grid_bar[1:] -= defect_bar
        damped = None
        if self.damping is not None:
            kappa_bar = self.damping.by_kappa(bar * root[-1], self.relative)
            *damped, by_root = self.damping.pulled(kappa_bar, self.defects.moved, root[1:])
            grid_bar[1:] += by_root
        self.defects.pull_back(defect_bar, None if damped is None else (damped[0], damped[1]), root_bar, bars)

    def _signed_bar(self, bar: Array) -> Array:
        """Derivative by the signed relative defects, at place 0 by the start's."""
        found: Array = bar[0] * _sign(self.relative[1], self.soft) + bar[1]
        if self.damping is not None:
            found = self.damping.passed[:-1] * found
        found[0] = bar[-1] if self.damping is None else self.damping.passed[0] * bar[-1]
        return found

    def _gap_bars(self, bar: Array, gap: Array, grid_bar: Array, bars: TableBars) -> None:
        """Through the start's mismatch."""
        table, eig = self.defects.chain.table, self.defects.chain.eig
        first = self.defects.chain.grid_root[0]
        grid_bar[0] -= bar / first + bar * gap / first**2
        v0 = start_variance(table, eig, self.start)
        start_bars(table, eig, self.start, bar / first / (2 * np.sqrt(v0)), bars)


def _absolute(x: Array, soft: float, unit: Array | float = 1.0) -> Array:
    """|x|, rounded off below `soft` units."""
    return np.abs(x) if soft == 0 else np.hypot(x, soft * unit) - soft * unit


def _sign(x: Array, soft: float, unit: Array | float = 1.0) -> Array:
    """Derivative of the above by x."""
    return np.sign(x) if soft == 0 else safe(x, np.hypot(x, soft * unit))
