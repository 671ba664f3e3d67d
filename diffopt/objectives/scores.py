"""All columns of a comparison for one table of coefficients, in one pass over the eigenvalues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diffopt.data.compression import short
from diffopt.data.dataset import Dataset
from diffopt.data.perturbation import PERTURBATIONS
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.law.law import Law
from diffopt.law.start import Start
from diffopt.objectives.base import Objective
from diffopt.objectives.evaluation import or_reason
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
        objectives = dict.fromkeys(kind for name in COMPARED if (kind := METRICS[name].objective) is not None)
        self.prepared = {kind: short(kind().prepare(data.spectrum, data.members), "design") for kind in objectives}

    def score(self, table: Table) -> list[Scores]:
        """Errors of a run, or of every run of a stacked table (theory.md, eqs. 25-34)."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            law = Law(table, self.joined, self.start)
            exact = law if self.start == "exact" else Law(table, self.spectrum, "exact")
            found, refused = self._errors(table, law, exact)
            held = self._held_out(law)
        return [_scores(found, held, refused, i) for i in range(held[0].size)]

    def _errors(self, table: Table, law: Law, exact: Law) -> tuple[dict[str, Array], dict[str, str]]:
        """Values by name, shape (B,), infinite where not defined, and why an error has none at all."""
        found: dict[str, Array] = {}
        known: dict[tuple[type[Objective], Start], Array] = {}
        refused: dict[str, str] = {}
        ends = FinalLaws.create(law, exact, self.spectrum.eig.size)
        for name in COMPARED:
            metric = METRICS[name]
            if metric.objective is None:
                assert metric.share is not None
                total = np.atleast_1d(metric.share(ends))
                found[name] = np.array([metric.finish(float(x)) for x in total])
                continue
            key: tuple[type[Objective], Start] = metric.objective, "exact" if metric.from_exact else self.start
            try:
                if key not in known:
                    known[key] = self._whole(*key, metric.noise_only, table)
                found[name] = known[key]
            except UnsupportedError as error:
                refused[name] = str(error)
        return found, refused

    def _whole(self, kind: type[Objective], start: Start, noise_only: bool, table: Table) -> Array:
        """Values of an objective on the spectrum that it has prepared, shape (B,)."""
        if noise_only and not table.stochastic:
            return np.full(table.alpha[0].size, np.inf)
        value = kind().values if table.aside else kind().value
        return np.atleast_1d(value(table, self.prepared[kind], start))

    def _held_out(self, law: Law) -> list[Array]:
        """Frechet distance on each of the perturbed spectra, shape (B,)."""
        mean = self.joined.mean
        to_data = None if mean is None else (mean_gap(law) + (law.table.alpha[-1][..., None] - 1)) * mean
        held = []
        for part in self.slices[1:]:
            square = (np.sqrt(law.variance[..., part]) - np.sqrt(self.joined.eig[part])) ** 2
            square = square if to_data is None else square + to_data[..., part] ** 2
            held.append(np.atleast_1d(np.sqrt(square @ self.joined.weight[part])))
        return held


def _scores(found: Mapping[str, Array], held: Sequence[Array], refused: Mapping[str, str], i: int) -> Scores:
    """Of the run of number i."""
    reasons = dict(refused)
    errors = {name: or_reason(name, float(found[name][i]), reasons) if name in found else None for name in COMPARED}
    values = dict(zip(PERTURBATIONS, (float(value[i]) for value in held), strict=True))
    return Scores(errors, {name: value if np.isfinite(value) else None for name, value in values.items()}, reasons)
