"""Kullback-Leibler divergence from the data to the output."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.objectives.base import LawObjective, Terms


def surplus(top: Array, bottom: Array) -> Array:
    """r - 1 - log r of r = top/bottom, both positive, to rounding for every r.

    Near 1 by log1p of (top - bottom)/bottom, which keeps the quadratic smallness; elsewhere by two logarithms,
    where 1 + (r - 1) would have lost a small r.
    """
    excess = (top - bottom) / bottom
    near = np.abs(excess) < 0.5
    inner = excess - np.log1p(np.where(near, excess, 0.0))
    return np.asarray(np.where(near, inner, excess - (np.log(top) - np.log(bottom))))


def kl_losses(variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Array:
    """(1/2) sum w [T/V - 1 - log(T/V) + e^2/V] over the last axis (theory.md, eq. 30)."""
    variance, target = np.broadcast_arrays(variance, target)
    both_zero = (variance == 0) & (target == 0)
    one_zero = ~both_zero & ((variance == 0) | (target == 0) | ~np.isfinite(variance))
    off = both_zero | one_zero
    v, t = np.where(off, 1.0, variance), np.where(off, 1.0, target)
    loss = 0.5 * (surplus(t, v) @ weight)
    if mean_error is not None:
        loss = loss + 0.5 * (mean_error**2 / v @ weight)
    return np.where(one_zero.any(axis=-1) | ~np.isfinite(loss), np.inf, loss)


def kl_terms(variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Terms:
    """(1/2) sum w [T/V - 1 - log(T/V) + e^2/V] and its derivatives (theory.md, eq. 30).

    Infinite when a direction is degenerate in one law only; a direction degenerate in both adds 0.
    """
    both_zero = (variance == 0) & (target == 0)
    if np.any(~both_zero & ((variance == 0) | (target == 0) | ~np.isfinite(variance))):
        nothing = np.zeros_like(variance)
        return Terms(float("inf"), nothing, nothing, None)
    v, t = np.where(both_zero, 1.0, variance), np.where(both_zero, 1.0, target)
    loss = float(kl_losses(variance, target, mean_error, weight))
    by_variance = 0.5 * weight * (1 - t / v) / v
    by_mean = None
    if mean_error is not None:
        by_variance = by_variance - 0.5 * weight * (mean_error / v) ** 2
        by_mean = weight * mean_error / v
    return Terms(loss, by_variance, 0.5 * weight * (1 / v - 1 / t), by_mean)


class Divergence(LawObjective):
    """Kullback-Leibler divergence between two Gaussian laws; a final class names the target."""

    unit = "nats"

    def terms(self, variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Terms:
        """Eq. (30)."""
        return kl_terms(variance, target, mean_error, weight)

    def losses(self, variance: Array, target: Array, mean_error: Array | None, weight: Array) -> Array:
        """Eq. (30)."""
        return kl_losses(variance, target, mean_error, weight)

    def finish(self, total: float) -> tuple[float, float]:
        """The sum itself."""
        return total, 1.0


class KL(Divergence):
    """KL(data || output) in nats; infinite for data with zero eigenvalues unless the output shares them.

    Reference: Kullback and Leibler (1951), Gaussian case.
    """

    name = "kl"
    summary = "exact KL(data || output)"
    target = "data"


class KLDiscretization(Divergence):
    """KL(exact marginal at the last grid point || output) in nats.

    Reference: as :class:`KL`; finite for rank-deficient data when the grid ends above 0.
    """

    name = "kl_discretization"
    summary = "exact KL from the marginal where the grid ends"
    target = "end"
