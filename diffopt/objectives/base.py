"""What an objective is: a number for a table on a spectrum, and its derivatives by the table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.law import Law
from diffopt.law.start import Start
from diffopt.law.table_bars import TableBars
from diffopt.solvers.table import Table

#: Numbers (nodes times eigenvalues) handled at once: arrays of this size stay in the processor's cache, and the
#: allocator keeps their memory (of larger ones every page is fetched anew, which costs more than the arithmetic).
BLOCK = 15_000


def blocks(spectrum: Spectrum, table: Table) -> list[Spectrum]:
    """Parts of a spectrum for which a table's step maps fit the cache; the objectives add up over them."""
    maps, branches = table.maps, 0
    if maps is not None and not (maps.short and maps.error is None):
        branches = maps.panels.nodes.size
    size = max(16, BLOCK // max(table.alpha.size, branches))
    count = spectrum.eig.size
    if count <= size * 1.5:
        return [spectrum]
    return [spectrum.part(slice(a, a + size)) for a in range(0, count, size)]


@dataclass(frozen=True)
class Objective(ABC):
    """A non-negative number that is smaller for better grids, additive over eigenvalues inside.

    The author writes :meth:`total` (a sum over eigenvalues, so that large spectra are scored in
    blocks), its pull-back, and :meth:`finish`.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    summary: ClassVar[str]
    #: Whether :meth:`totals` takes the grids of a stacked table at once.
    stackable: ClassVar[bool] = True
    #: Whether errors of different steps can cancel, so that there are many local optima.
    cancels: ClassVar[bool] = True

    def prepare(self, spectrum: Spectrum, members: Ensemble | None = None) -> Spectrum:
        """Spectrum on which the sum runs: of all data, or of an ensemble (the data's own members, or made of them)."""
        del members
        return spectrum

    @abstractmethod
    def total(self, table: Table, spectrum: Spectrum, start: Start) -> float:
        """Sum over the prepared spectrum."""

    @abstractmethod
    def total_and_bars(self, table: Table, spectrum: Spectrum, start: Start) -> tuple[float, TableBars]:
        """The sum and its derivatives by the table."""

    def totals(self, table: Table, spectrum: Spectrum, start: Start) -> Array:
        """The sums of the grids of a stacked table (`Table.columns`), shape (B,), infinite where not defined."""
        raise NotImplementedError

    @abstractmethod
    def finish(self, total: float) -> tuple[float, float]:
        """Value made of the sum, and its derivative by the sum."""

    def value(self, table: Table, spectrum: Spectrum, start: Start) -> float:
        """Value on a prepared spectrum."""
        return self.finish(sum(self.total(table, part, start) for part in blocks(spectrum, table)))[0]

    def values(self, table: Table, spectrum: Spectrum, start: Start) -> Array:
        """Values of the grids of a stacked table on a prepared spectrum, shape (B,)."""
        sums = sum(self.totals(table, part, start) for part in blocks(spectrum, table))
        return np.array([self.finish(float(total))[0] for total in np.atleast_1d(sums)])

    def value_and_bars(self, table: Table, spectrum: Spectrum, start: Start) -> tuple[float, TableBars]:
        """Value on a prepared spectrum and derivatives by the table."""
        first, *others = blocks(spectrum, table)
        total, bars = self.total_and_bars(table, first, start)
        for part in others:
            more, more_bars = self.total_and_bars(table, part, start)
            total += more
            for array, addition in zip(vars(bars).values(), vars(more_bars).values(), strict=True):
                array += addition
        value, slope = self.finish(total)
        for array in vars(bars).values():
            array *= slope
        return value, bars


@dataclass(frozen=True, eq=False)
class Terms:
    """A loss summed over eigenvalues, with derivatives by output variance, target variance and mean gap."""

    loss: float
    by_variance: Array
    by_target: Array
    by_mean: Array | None


class LawObjective(Objective):
    """Objectives that compare the output law with a target law.

    Target `data`: N(mu, eig); target `end`: the exact marginal at the last grid point.
    """

    target: ClassVar[str]

    @abstractmethod
    def terms(self, variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Terms:
        """Loss between N(., variance) and N(., target), with multiplicities `weight`."""

    def total(self, table: Table, spectrum: Spectrum, start: Start) -> float:
        """Loss of the law at the end of the table."""
        law = Law(table, spectrum, start)
        return float(self.losses(law.variance, *self._against(law), spectrum.weight))

    @abstractmethod
    def losses(self, variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Array:
        """The loss alone, for arrays (..., d): shape (...)."""

    def totals(self, table: Table, spectrum: Spectrum, start: Start) -> Array:
        """Losses of the laws at the end of a stacked table."""
        law = Law(table, spectrum, start)
        return self.losses(law.variance, *self._against(law), spectrum.weight)

    def _against(self, law: Law) -> tuple[Array, Array | None]:
        """Target variance and mean error, shape (..., d)."""
        alpha, level, eig = law.table.alpha[-1][..., None], law.table.level[-1][..., None], law.spectrum.eig
        to_data = self.target == "data"
        target = eig if to_data else alpha**2 * eig + level**2
        error = None
        if law.mean_gap is not None and law.spectrum.mean is not None:
            error = (law.mean_gap + (alpha - 1 if to_data else 0)) * law.spectrum.mean
        return target, error

    def _terms(self, law: Law) -> tuple[Terms, float]:
        return self.terms(law.variance, *self._against(law), law.spectrum.weight), float(law.table.alpha[-1])

    def total_and_bars(self, table: Table, spectrum: Spectrum, start: Start) -> tuple[float, TableBars]:
        """Loss and derivatives, through the law and through the target."""
        law = Law(table, spectrum, start)
        terms, alpha = self._terms(law)
        bars = TableBars.zeros(table)
        if not np.isfinite(terms.loss):
            return terms.loss, bars
        mean_bar = None
        if terms.by_mean is not None and spectrum.mean is not None:
            mean_bar = terms.by_mean * spectrum.mean
            if self.target == "data":
                bars.alpha[-1] += mean_bar.sum()
        if self.target != "data":
            bars.alpha[-1] += 2 * alpha * float(terms.by_target @ spectrum.eig)
            bars.level[-1] += 2 * float(table.level[-1]) * float(terms.by_target.sum())
        law.pull_back(terms.by_variance, mean_bar, bars)
        return terms.loss, bars
