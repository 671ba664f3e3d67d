"""The default objective: local errors that cannot cancel, over an ensemble of scaled spectra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.data.ensemble import Ensemble
from diffopt.data.scaled_copies import SCALES, scaled_copies
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.accumulated import Accumulated
from diffopt.law.start import Start
from diffopt.law.table_bars import TableBars
from diffopt.objectives.base import Objective
from diffopt.solvers.table import Table

#: Multiple of `robust` that a Frechet distance cannot reach unless a run amplifies errors (theory.md, eq. 290: 8.8).
AMPLIFIED = 10.0


def amplifies(frechet: float | None, robust: float | None) -> bool:
    """Whether a run makes far more of its local errors than they add up to; not known where an error is not."""
    return frechet is not None and robust is not None and frechet > AMPLIFIED * robust


@dataclass(frozen=True)
class Robust(Objective):
    """Local errors that cannot cancel, over an ensemble of scaled spectra.

    Every step is applied to the exact trajectory (history exact too); its defect in standard
    deviation is carried to the end by the exact flow. E adds the absolute values, so that steps do
    not cancel; S adds them with their signs; B is the start's mismatch, carried likewise. The value is the root of
    sum_c p_c sum w (B^2 + (E^2 + signed S^2)/(1 + signed)), p_c proportional to c^tilt (theory.md, eqs. 31-34).

    Attributes
    ----------
    scales : tuple of float
        Factors c of the eigenvalues; (1,) is the data's spectrum alone.
    tilt : float
        Exponent of the shares.
    signed : float
        Weight of the signed sum beside the absolute one; it can lower the value by at most the
        factor sqrt(1 + signed), so cancellation cannot be bought.
    soft : float
        Relative defect below which absolute values are rounded off, for searches that kinks would hold (eq. 386).
    """

    name: ClassVar[str] = "robust"
    unit: ClassVar[str] = "data units"
    summary: ClassVar[str] = "local errors without cancellation, rms over scaled spectra (default)"
    cancels: ClassVar[bool] = False
    scales: tuple[float, ...] = SCALES
    tilt: float = -0.2
    signed: float = 1.0
    soft: float = 0.0

    def prepare(self, spectrum: Spectrum, members: Ensemble | None = None) -> Spectrum:
        """Union of the scaled spectra, weights times the shares; or of the data's own members."""
        if members is not None:
            return members.union()
        return scaled_copies(spectrum, self.tilt, self.scales)

    def total(self, table: Table, spectrum: Spectrum, start: Start) -> float:
        """sum w (B^2 + (E^2 + signed S^2)/(1 + signed))."""
        error = Accumulated.of(table, spectrum.eig, start, self.soft)
        if not np.all(np.isfinite(error.end)):
            return float("inf")
        return float(self._shares(error) @ (error.end**2 @ spectrum.weight))

    def _shares(self, error: Accumulated) -> Array:
        """Shares of the absolute and of the signed sum, and of the start's mismatch where there is one."""
        return np.array([1.0, self.signed, 1 + self.signed])[: len(error.end)] / (1 + self.signed)

    def total_and_bars(self, table: Table, spectrum: Spectrum, start: Start) -> tuple[float, TableBars]:
        """The sum and its derivatives."""
        error = Accumulated.of(table, spectrum.eig, start, self.soft)
        bars, shares = TableBars.zeros(table), self._shares(error)
        error.pull_back(2 * shares[:, None] * spectrum.weight * error.end, bars)
        return float(shares @ (error.end**2 @ spectrum.weight)), bars

    def totals(self, table: Table, spectrum: Spectrum, start: Start) -> Array:
        """The sums of the grids of a stacked table, shape (B,)."""
        error = Accumulated.of(table, spectrum.eig, start, self.soft)
        sums = np.tensordot(self._shares(error), error.end**2 @ spectrum.weight, axes=1)
        return np.where(np.isfinite(sums), sums, np.inf)

    def finish(self, total: float) -> tuple[float, float]:
        """Square root."""
        root = float(np.sqrt(total))
        return root, 0.5 / root if root > 0 else 0.0
