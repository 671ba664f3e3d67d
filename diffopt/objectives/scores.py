"""All columns of a comparison for one table of coefficients, in one pass over the eigenvalues."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diffopt.data.compression import short
from diffopt.data.dataset import Dataset
from diffopt.data.perturbation import PERTURBATIONS
from diffopt.data.spectrum import Spectrum
from diffopt.law.law import Law
from diffopt.law.start import Start
from diffopt.objectives.evaluation import finite, whole
from diffopt.objectives.metrics import COMPARED, METRICS, FinalLaws, mean_gap
from diffopt.solvers.table import Table


@dataclass(frozen=True, eq=False)
class Scores:
    """Errors and held-out Frechet distances of a run; None where infinite, with the reason."""

    errors: dict[str, float | None]
    held_out: dict[str, float | None]
    reasons: dict[str, str]


class JoinedSpectra:
    """The spectrum and its perturbations joined end to end, so that one law gives every column.

    Errors are sums over a spectrum compressed to bins of 0.1 in log eig (theory.md, eq. 36), 0.25 for
    the held-out ones; they differ from sums over the full spectrum by about 1e-8 (1e-6) of their value,
    `robust` of solvers with memory and noise, whose absolute values have kinks, by about 1e-5.
    """

    def __init__(self, data: Dataset | Spectrum, start: Start) -> None:
        self.start = start
        data = Dataset.of(data)
        self.spectrum = data.short("design")
        near = [short(make(self.spectrum), "search") for make in PERTURBATIONS.values()]
        parts = [self.spectrum, *near]
        edges = np.cumsum([0, *(part.eig.size for part in parts)])
        self.slices = [slice(a, b) for a, b in pairwise(edges.tolist())]
        means = [part.mean for part in parts if part.mean is not None]
        self.joined = Spectrum(
            np.concatenate([part.eig for part in parts]),
            np.concatenate([part.weight for part in parts]),
            np.concatenate(means) if means else None,
        )
        self.prepared = {
            name: short(metric.objective().prepare(data.spectrum, data.members), "design")
            for name in COMPARED
            if (metric := METRICS[name]).objective is not None
        }

    def score(self, table: Table) -> Scores:
        """Errors of a run (theory.md, eqs. 25-34)."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            law = Law(table, self.joined, self.start)
            exact = law if self.start == "exact" else Law(table, self.spectrum, "exact")
            return self._scores(table, law, exact)

    def _scores(self, table: Table, law: Law, exact: Law) -> Scores:
        reasons: dict[str, str] = {}
        errors: dict[str, float | None] = {}
        ends = FinalLaws.create(law, exact, self.spectrum.eig.size)
        for name in COMPARED:
            metric = METRICS[name]
            if metric.share is not None:
                errors[name] = finite(name, metric.finish(metric.share(ends)), reasons)
            else:
                errors[name] = whole(name, metric, table, self.prepared[name], self.start, reasons)
        return Scores(errors, self._held_out(law, float(table.alpha[-1])), reasons)

    def _held_out(self, law: Law, alpha: float) -> dict[str, float | None]:
        """Frechet distance on each of the perturbed spectra."""
        mean = self.joined.mean
        to_data = None if mean is None else (mean_gap(law) + (alpha - 1)) * mean
        held = {}
        for name, part in zip(PERTURBATIONS, self.slices[1:], strict=True):
            square = (np.sqrt(law.variance[part]) - np.sqrt(self.joined.eig[part])) ** 2
            square = square if to_data is None else square + to_data[part] ** 2
            value = float(np.sqrt(self.joined.weight[part] @ square))
            held[name] = value if np.isfinite(value) else None
        return held
