"""The one table of errors: documents, columns, comparisons and pictures read it, so that a new error is one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.law import Law
from diffopt.objectives.base import Objective
from diffopt.objectives.frechet import frechet_losses
from diffopt.objectives.kl import kl_losses
from diffopt.objectives.path_kl import PathKL
from diffopt.objectives.robust import Robust

_DIVIDES = "infinite: the scheme divides by a vanishing eigenvalue; end above 0 or use another solver"


@dataclass(frozen=True, eq=False)
class FinalLaws:
    """Gaussian laws where a run ends, per eigenvalue, in the coordinates of the process.

    Arrays have shape (d,), or (B, d) for the grids of a stacked table.

    Attributes
    ----------
    eig, weight : ndarray
        Data variance and multiplicities.
    output, exact, marginal : ndarray
        Variance of the output from the start law, from the exact start, and of the exact marginal
        alpha^2 eig + level^2 (theory.md, eqs. 25-28).
    to_data, to_marginal, apart, shift : ndarray or None
        Means: output minus data; output from the exact start minus marginal; output minus output from the exact
        start; marginal minus data. None is 0.
    """

    eig: Array
    weight: Array
    output: Array
    exact: Array
    marginal: Array
    to_data: Array | None
    to_marginal: Array | None
    apart: Array | None
    shift: Array | None

    @classmethod
    def create(cls, law: Law, exact: Law, size: int | None = None) -> FinalLaws:
        """Of the laws from the start law and from the exact start, the first `size` entries of both."""
        table, spectrum = law.table, law.spectrum.part(slice(0, size))
        alpha, level, eig, mu = table.alpha[-1][..., None], table.level[-1][..., None], spectrum.eig, spectrum.mean
        variances = law.variance[..., :size], exact.variance[..., :size], alpha**2 * eig + level**2
        if mu is None:
            return cls(eig, spectrum.weight, *variances, None, None, None, None)
        gap, inner, shift = mean_gap(law)[..., :size] * mu, mean_gap(exact)[..., :size] * mu, (alpha - 1) * mu
        return cls(eig, spectrum.weight, *variances, gap + shift, inner, gap - inner, shift)


def mean_gap(law: Law) -> Array:
    """Output mean minus the marginal's, as multiples of the data's mean."""
    return np.zeros_like(law.variance) if law.mean_gap is None else law.mean_gap


@dataclass(frozen=True)
class Metric:
    """An error of a run.

    Attributes
    ----------
    unit, title : str
        For people.
    share : callable or None
        Sum over the eigenvalues of some `FinalLaws`, a number or shape (B,); additive, so that long spectra are
        taken block by block.
    root : bool
        Whether the value is the root of the sum.
    objective : type of Objective or None
        Instead of `share`: its value on the spectrum that it prepares.
    from_exact : bool
        Whether the objective is taken from the exact start, whatever the run's is.
    compared : bool
        Whether baselines, comparisons and their columns show it, and searches may minimize it there.
    noise_only : bool
        Whether it is defined for runs with injected noise alone.
    infinite : str
        Why it may be infinite, and what to try.
    """

    unit: str
    title: str
    share: Callable[[FinalLaws], Array] | None = None
    root: bool = False
    objective: type[Objective] | None = None
    from_exact: bool = False
    compared: bool = False
    noise_only: bool = False
    infinite: str = _DIVIDES

    def finish(self, total: float) -> float:
        """Value made of the sum."""
        return float(np.sqrt(total)) if self.root else float(total)


#: Errors by name, in the order of documents and columns. Sums are those of theory.md, eqs. 29 and 30.
METRICS: dict[str, Metric] = {
    "frechet": Metric(
        "data units", "2-Wasserstein distance of the output to the data",
        lambda e: frechet_losses(e.output, e.eig, e.to_data, e.weight), root=True, compared=True,
    ),
    "kl": Metric(
        "nats", "KL(data || output)", lambda e: kl_losses(e.output, e.eig, e.to_data, e.weight), compared=True,
        infinite="infinite: a direction is degenerate in the data (eigenvalue 0) or in the output, not in both",
    ),
    "robust": Metric("data units", "local errors that cannot cancel, rms over an ensemble", objective=Robust, compared=True),
    "robust_steps": Metric(
        "data units", "robust of the steps alone, from the exact start", objective=Robust, from_exact=True, compared=True,
    ),
    "first_order_frechet": Metric(
        "data units", "leading order of frechet",
        infinite="infinite: a step has no finite local error; use --end sigma_min or another solver",
    ),
    "initialization": Metric(
        "data units", "2-Wasserstein distance of the output to that from the exact start",
        lambda e: frechet_losses(e.output, e.exact, e.apart, e.weight), root=True,
    ),
    "discretization": Metric(
        "data units", "2-Wasserstein distance of the output from the exact start to the marginal where the grid ends",
        lambda e: frechet_losses(e.exact, e.marginal, e.to_marginal, e.weight), root=True, compared=True,
    ),
    "truncation": Metric(
        "data units", "2-Wasserstein distance of the marginal where the grid ends to the data",
        lambda e: frechet_losses(e.marginal, e.eig, e.shift, e.weight), root=True,
    ),
    "kl_discretization": Metric(
        "nats", "KL(marginal where the grid ends || output from the exact start)",
        lambda e: kl_losses(e.exact, e.marginal, e.to_marginal, e.weight), compared=True,
        infinite="infinite: a direction is degenerate in only one of the two laws",
    ),
    "path_kl": Metric(
        "nats", "KL(exact reverse path on the grid || path of the sampler)", objective=PathKL, compared=True, noise_only=True,
        infinite="infinite: a step injects no noise; it needs a solver with noise and --end sigma_min",
    ),
}  # fmt: skip

#: Errors that baselines and comparisons show.
COMPARED = tuple(name for name, metric in METRICS.items() if metric.compared)


def decided(objective: str, parts: Iterable[Mapping[str, float | None]]) -> str:
    """The error that tells grids apart where an objective was minimized.

    Where all have the same part of the start in `robust`, because no grid between these ends mends it without noise, it is
    `robust_steps`.
    """
    known = [(a, b) for part in parts if (a := part.get("robust")) is not None and (b := part.get("robust_steps")) is not None]
    began = [a**2 - b**2 for a, b in known]
    room = 1e-6 * max((a**2 for a, _ in known), default=0.0)
    same = bool(began) and min(began) > room and max(began) - min(began) <= room
    return "robust_steps" if objective == "robust" and same else objective
