"""Frechet (2-Wasserstein) distance of the output law."""

from __future__ import annotations

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.law import Law
from diffopt.law.start import Start
from diffopt.objectives.base import LawObjective, Terms
from diffopt.solvers.table import Table


def frechet_losses(variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Array:
    """sum w [(sqrt V - sqrt T)^2 + e^2] over the last axis (theory.md, eq. 29); infinite for infinite V."""
    loss = (np.sqrt(variance) - np.sqrt(target)) ** 2 @ weight
    if mean_error is not None:
        loss = loss + mean_error**2 @ weight
    return np.where(np.isfinite(loss), loss, np.inf)


def frechet_terms(variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Terms:
    """sum w [(sqrt V - sqrt T)^2 + e^2] and its derivatives (theory.md, eq. 29); infinite for infinite V."""
    if not np.all(np.isfinite(variance)):
        return Terms(float("inf"), np.zeros_like(variance), np.zeros_like(variance), None)
    root_v, root_t = np.sqrt(variance), np.sqrt(target)
    gap = root_v - root_t
    loss = float(frechet_losses(variance, target, mean_error, weight))
    by_mean = None if mean_error is None else 2 * weight * mean_error
    return Terms(loss, weight * _over(gap, root_v), -weight * _over(gap, root_t), by_mean)


def _over(gap: Array, root: Array) -> Array:
    """gap / root with 0 where the standard deviation is 0: a variance of 0 stays 0 to first order."""
    return np.divide(gap, root, out=np.zeros_like(gap), where=root > 0)


class Wasserstein(LawObjective):
    """2-Wasserstein distance between two Gaussian laws; a final class names the target."""

    unit = "data units"

    def terms(self, variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Terms:
        """Eq. (29)."""
        return frechet_terms(variance, target, mean_error, weight)

    def losses(self, variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Array:
        """Eq. (29)."""
        return frechet_losses(variance, target, mean_error, weight)

    def residuals(self, table: Table, spectrum: Spectrum, start: Start) -> Array:
        """What the total is the sum of squares of, for a stacked table: shape (B, d), or (B, 2 d) with a mean."""
        law, root = Law(table, spectrum, start), np.sqrt(spectrum.weight)
        target, error = self._against(law)
        part = (np.sqrt(law.variance) - np.sqrt(target)) * root
        return part if error is None else np.concatenate([part, error * root], axis=-1)

    def finish(self, total: float) -> tuple[float, float]:
        """Square root."""
        root = float(np.sqrt(total))
        return root, 0.5 / root if root > 0 else 0.0


class Frechet(Wasserstein):
    """2-Wasserstein distance between the output and the data, in the data's own units.

    W2^2 = sum w [(sqrt V - sqrt eig)^2 + (mean error)^2]. Reference: Dowson and Landau (1982);
    commuting covariances.
    """

    name = "frechet"
    summary = "exact 2-Wasserstein distance to the data"
    target = "data"


class Discretization(Wasserstein):
    """2-Wasserstein distance between the output and the exact marginal at the last grid point.

    Reference: as :class:`Frechet`; the target is alpha^2 eig + noise^2 of the last point.
    """

    name = "discretization"
    summary = "exact 2-Wasserstein distance to the marginal where the grid ends"
    target = "end"
