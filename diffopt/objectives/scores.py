"""All columns of a comparison for one table of coefficients, in one pass over the eigenvalues."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diffopt.data.compression import short
from diffopt.data.dataset import Dataset
from diffopt.data.perturbation import PERTURBATIONS
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.law import Law
from diffopt.law.start import Start
from diffopt.objectives import Objective
from diffopt.objectives.kl import kl_terms
from diffopt.objectives.robust import Robust
from diffopt.solvers.table import Table

#: Errors in the order of the columns.
ERRORS = ("frechet", "kl", "discretization", "kl_discretization", "robust")

_DEGENERATE = "infinite: a direction is degenerate in only one of the two laws"
_DIVIDES = "infinite: the scheme divides by a vanishing eigenvalue"


@dataclass(frozen=True, eq=False)
class Scores:
    """Errors and held-out Frechet distances of a run; None where infinite, with the reason."""

    errors: dict[str, float | None]
    held_out: dict[str, float | None]
    reasons: dict[str, str]


class Scorer:
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
        self.objective: Objective = Robust()
        self.ensemble = short(self.objective.prepare(data.spectrum, data.members), "design")

    def score(self, table: Table) -> Scores:
        """Errors of a run (theory.md, eqs. 25-34)."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            law = Law(table, self.joined, self.start)
            exact = law if self.start == "exact" else Law(table, self.spectrum, "exact")
            return self._scores(table, law, exact)

    def _scores(self, table: Table, law: Law, exact: Law) -> Scores:
        alpha, level, base = float(table.alpha[-1]), float(table.level[-1]), self.slices[0]
        eig, weight = self.spectrum.eig, self.spectrum.weight
        to_data = self._gap(law, alpha - 1)
        inner = self._gap(exact, 0.0)
        variance, end = law.variance[base], exact.variance[base]
        target = alpha**2 * eig + level**2
        values = {
            "frechet": _distance(variance, eig, _part(to_data, base), weight),
            "kl": kl_terms(variance, eig, _part(to_data, base), weight).loss,
            "discretization": _distance(end, target, _part(inner, base), weight),
            "kl_discretization": kl_terms(end, target, _part(inner, base), weight).loss,
            "robust": self.objective.value(table, self.ensemble, self.start),
        }
        held = {}
        for name, part in zip(PERTURBATIONS, self.slices[1:], strict=True):
            eig, weight = self.joined.eig[part], self.joined.weight[part]
            held[name] = _finite(_distance(law.variance[part], eig, _part(to_data, part), weight))
        errors = {name: _finite(value) for name, value in values.items()}
        missing = [name for name, value in errors.items() if value is None]
        reasons = {name: _DEGENERATE if name.startswith("kl") else _DIVIDES for name in missing}
        return Scores(errors, held, reasons)

    def _gap(self, law: Law, shift: float) -> Array | None:
        """Output mean minus target mean; `shift` is the target's own distance from alpha mu."""
        if law.mean_gap is None or law.spectrum.mean is None:
            return None
        return np.asarray((law.mean_gap + shift) * law.spectrum.mean)


def _distance(variance: Array, target: Array, gap: Array | None, weight: Array) -> float:
    """2-Wasserstein distance of eq. (29), without the derivatives that the objective carries."""
    square = (np.sqrt(variance) - np.sqrt(target)) ** 2
    return float(np.sqrt(weight @ (square if gap is None else square + gap**2)))


def _part(gap: Array | None, part: slice) -> Array | None:
    return None if gap is None else gap[part]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
