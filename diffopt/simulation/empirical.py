"""The kernel density of given samples: data themselves as a law with an exact denoiser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.target import MEMORY, Target


@dataclass(frozen=True, eq=False)
class Empirical(Target):
    """Law mean_j N(x_j, h^2 I): the samples, each blurred by h (theory.md, eq. 155).

    Attributes
    ----------
    samples : ndarray, shape (m, d)
        x_j.
    bandwidth : float
        h, in units of the data; 0 is the set of samples itself.
    memory : int
        Bytes of the distances held at once.
    """

    samples: Array
    bandwidth: float
    memory: int = MEMORY

    @classmethod
    def create(cls, samples: ArrayLike, bandwidth: float, memory: int = MEMORY) -> Empirical:
        """Check raw samples, shape (m, d...).

        Raises
        ------
        InputError
            Fewer than two samples, NaN or infinite values, or a negative bandwidth.
        """
        array = np.asarray(samples)
        if array.ndim < 2 or len(array) < 2 or array.dtype.kind not in "fiub":
            raise InputError(f"samples need at least two rows of real numbers, got {array.dtype} of shape {array.shape}")
        array = array.reshape(len(array), -1).astype(np.float64)
        if not np.isfinite(array).all():
            raise InputError("samples must be finite")
        if not (np.isfinite(bandwidth) and bandwidth >= 0):
            raise InputError(f"bandwidth must be a number >= 0, got {bandwidth:g}")
        return cls(array, float(bandwidth), memory)

    @property
    def dim(self) -> int:
        """Numbers in one sample."""
        return int(self.samples.shape[1])

    def covariance(self) -> Array:
        """Covariance of the law, shape (d, d)."""
        gaps = self.samples - self.samples.mean(axis=0)
        return np.asarray(gaps.T @ gaps / len(gaps) + self.bandwidth**2 * np.eye(self.dim))

    def denoise(self, z: Array, alpha: float, noise: float) -> Array:
        """Softmax average of the samples, and the share of z that the bandwidth keeps, shape (n, d)."""
        total, centre = self._centre(z, alpha, noise)
        return np.asarray(centre + alpha * self.bandwidth**2 / total * (z - alpha * centre))

    def score(self, z: Array, alpha: float, noise: float) -> Array:
        """(alpha times the softmax average - z)/(alpha^2 h^2 + noise^2), shape (n, d)."""
        total, centre = self._centre(z, alpha, noise)
        return np.asarray((alpha * centre - z) / total)

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """A sample at random, blurred, shape (count, d)."""
        chosen = rng.integers(len(self.samples), size=count)
        return np.asarray(self.samples[chosen] + self.bandwidth * rng.standard_normal((count, self.dim)))

    def mixture(self) -> Mixture:
        """The same law as a mixture, for posteriors."""
        count = len(self.samples)
        eig = np.broadcast_to(np.float64(self.bandwidth**2), self.samples.shape)
        return Mixture(np.full(count, 1 / count), self.samples, eig, None, self.memory)

    def _centre(self, z: Array, alpha: float, noise: float) -> tuple[float, Array]:
        """Variance of a blurred, noised sample, and the average of the samples given z."""
        total = max(alpha**2 * self.bandwidth**2 + noise**2, 1e-200)
        middle = self.samples.mean(axis=0)
        points = alpha * (self.samples - middle)
        squares = np.sum(points**2, axis=1)
        rows = max(1, self.memory // (8 * 3 * len(points)))
        averages = []
        for first in range(0, len(z), rows):
            logits = ((z[first : first + rows] - alpha * middle) @ points.T - squares / 2) / total
            share = np.exp(logits - logits.max(axis=1, keepdims=True))
            averages.append(share @ self.samples / share.sum(axis=1, keepdims=True))
        return total, np.concatenate(averages)
