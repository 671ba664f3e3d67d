"""Exact moments of a linear denoiser that is trained by stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array, Numbers
from diffopt.solvers.model_error import ModelError


@dataclass(frozen=True)
class ScoreTraining:
    """Descent on |W y - x|^2/2, y = x + sigma xi, fresh noise at every step, from W = 0 (theory.md, eqs. 176-180).

    Attributes
    ----------
    tau : float
        Step size.
    iterations : int or None
        Number of steps K; None is the stationary state.
    scale : float or None
        None: the same step size at every level. A number m, the mean eigenvalue: inputs are divided by
        sqrt(m + sigma^2), as preconditioned networks do, and the step size becomes tau/(m + sigma^2).
    """

    tau: float
    iterations: int | None = None
    scale: float | None = None

    def step(self, sigma: Numbers) -> Numbers:
        """Step size in force at a level."""
        return self.tau + 0 * sigma if self.scale is None else self.tau / (self.scale + sigma**2)

    def load(self, spectrum: Spectrum, sigma: float) -> float:
        """sum w tau c/(2 (1 - tau c)), which must stay below 1; infinite where tau c >= 1 (eq. 178)."""
        x = float(self.step(np.asarray(sigma))) * (spectrum.eig + sigma**2)
        return float("inf") if np.any(x >= 1) else float(spectrum.weight @ (x / (2 * (1 - x))))

    def limit(self, spectrum: Spectrum, sigma: float) -> float:
        """Largest tau with a stationary state at a level, by bisection."""
        low, high = 0.0, self.tau
        for _ in range(60):
            middle = (low + high) / 2
            stable = ScoreTraining(middle, None, self.scale).load(spectrum, sigma) < 1
            low, high = (middle, high) if stable else (low, middle)
        return low

    def bias(self) -> ModelError | None:
        """What the mean of W lacks, (1 - tau c)^K eig/c per direction, as an error of the model (eq. 177)."""
        if self.iterations is None:
            return None
        count = self.iterations

        def rule(eig: Numbers, sigma: Numbers) -> Numbers:
            c = eig + sigma**2
            return (1 - self.step(sigma) * c) ** count * eig / np.sqrt(c)

        return ModelError(rule, "absolute")

    def mirrored(self, spectrum: Spectrum, sigma: float) -> Array:
        """Covariance of W_ij and W_ji, shape (d, d): what the symmetric start leaves (eq. 192)."""
        if self.iterations is None:
            return np.zeros((spectrum.eig.size, spectrum.eig.size))
        tau, c = float(self.step(np.asarray(sigma))), spectrum.eig + sigma**2
        start, slow = spectrum.eig / c, 1 - tau * (c[:, None] + c[None, :])
        grown = (slow + 2 * tau**2 * np.outer(c, c)) ** self.iterations - slow**self.iterations
        return np.asarray(np.outer(start, start) * grown / 2)

    def variance(self, spectrum: Spectrum, sigma: float) -> tuple[Array, Array]:
        """Variance of W_ij for two directions of the groups i (row) and j, shape (d, d), and of W_ii, shape (d,)."""
        tau, c = float(self.step(np.asarray(sigma))), spectrum.eig + sigma**2
        residual = spectrum.eig * sigma**2 / c
        if self.iterations is None:
            load = self.load(spectrum, sigma)
            pairs = np.outer(residual, tau / (2 * (1 - tau * c) * (1 - load)))
            return pairs, np.diagonal(pairs).copy()
        return _transient(spectrum, c, residual, tau, self.iterations)


def _transient(spectrum: Spectrum, c: Array, residual: Array, tau: float, count: int) -> tuple[Array, Array]:
    """Eqs. (179), (180): second moments after `count` steps from W = 0."""
    keep, forget = 1 - 2 * tau * c + 2 * (tau * c) ** 2, (1 - tau * c) ** 2
    target = (spectrum.eig / c) ** 2
    scaled = np.sqrt(spectrum.weight) * c
    rate, basis = np.linalg.eigh(np.diag(keep) + tau**2 * np.outer(scaled, scaled))
    load = tau**2 * (basis.T @ scaled)
    steady = _power_sum(rate, np.ones(1), count)[:, 0]
    sums = np.outer(steady, residual) + _power_sum(rate, keep, count) * (c * target)
    pairs = (basis @ (load[:, None] * sums)) / np.sqrt(spectrum.weight)[:, None]
    own = target * (keep**count - forget**count)
    return np.maximum(pairs.T, 0), np.maximum(np.diagonal(pairs), 0) + own


def _power_sum(rate: Array, other: Array, count: int) -> Array:
    """sum_k rate^(count - 1 - k) other^k = (rate^count - other^count)/(rate - other), shape (rates, others)."""
    first, second = np.log(rate)[:, None], np.log(other)[None, :]
    # The larger one in front, so that nothing overflows.
    ratio = -np.abs(first - second)
    flat = ratio > -1e-12
    safe = np.where(flat, -1.0, ratio)
    grown = np.where(flat, float(count), np.expm1(count * safe) / np.expm1(safe))
    return np.asarray(np.exp((count - 1) * np.maximum(first, second)) * grown)
