"""The Gaussian target, whose exact law is known at every step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.simulation.target import Target


@dataclass(frozen=True, eq=False)
class Gaussian(Target):
    """N(mean, diag(eig)) in the eigenbasis of its covariance.

    Attributes
    ----------
    eig, mean : ndarray, shape (d,)
        Eigenvalues and mean.
    """

    eig: Array
    mean: Array

    @classmethod
    def create(cls, eig: Array, mean: Array | None = None) -> Gaussian:
        """From eigenvalues (one per direction) and an optional mean.

        Raises
        ------
        InputError
            Negative or non-finite numbers, or lengths that differ.
        """
        values = np.asarray(eig, dtype=np.float64)
        centre = np.zeros_like(values) if mean is None else np.asarray(mean, dtype=np.float64)
        if values.ndim != 1 or values.shape != centre.shape or not np.isfinite([values, centre]).all() or values.min() < 0:
            raise InputError("a Gaussian target needs finite eigenvalues >= 0 and a mean of the same length")
        return cls(values, centre)

    @property
    def dim(self) -> int:
        """Number of directions."""
        return int(self.eig.size)

    def denoise(self, z: Array, alpha: float, noise: float) -> Array:
        """The linear denoiser of eq. (7)."""
        total = alpha**2 * self.eig + noise**2
        gain = np.divide(alpha * self.eig, total, out=np.zeros_like(total), where=total > 0)
        return np.asarray(self.mean + gain * (z - alpha * self.mean))

    def score(self, z: Array, alpha: float, noise: float) -> Array:
        """-(z - alpha mean)/(alpha^2 eig + noise^2)."""
        return np.asarray(-(z - alpha * self.mean) / np.maximum(alpha**2 * self.eig + noise**2, 1e-300))

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Independent samples, shape (count, d)."""
        return np.asarray(self.mean + np.sqrt(self.eig) * rng.standard_normal((count, self.dim)))
