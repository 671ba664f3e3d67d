"""What a target law is to a sampler: a denoiser, a score and, where it is known, a way to draw from it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array

#: Bytes of intermediate arrays (samples times components) that a target may hold at once.
MEMORY = 256 << 20


class Target(ABC):
    """A law of x_0 whose denoiser E[x_0 | z] is known for z = alpha x_0 + noise n.

    States are rows: `z` has shape (n, d). The author writes :meth:`denoise` and :meth:`score` (exact, also at
    noise 0 and at alpha 0 where they have a limit) and what is known beyond them.
    """

    @property
    @abstractmethod
    def dim(self) -> int:
        """Numbers in one sample, d."""

    @abstractmethod
    def denoise(self, z: Array, alpha: float, noise: float) -> Array:
        """Posterior mean E[x_0 | z], shape (n, d)."""

    @abstractmethod
    def score(self, z: Array, alpha: float, noise: float) -> Array:
        """Gradient of the log density of z, shape (n, d)."""

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """`count` independent samples of x_0, shape (count, d).

        Raises
        ------
        UnsupportedError
            The law is known through its denoiser only.
        """

    def jacobian(self, z: Array, alpha: float, noise: float, direction: Array) -> Array:
        """Jacobian of the denoiser times a direction, row by row, shape (n, d).

        A central difference of the denoiser over a step of 1e-4 of the state's own size; targets that know
        better are free to.
        """
        size = np.linalg.norm(direction, axis=1, keepdims=True)
        scale = 1e-4 * (np.linalg.norm(z, axis=1, keepdims=True) / np.sqrt(z.shape[1]) + 1e-12)
        unit = np.divide(direction, size, out=np.zeros_like(direction), where=size > 0)
        plus = self.denoise(z + scale * unit, alpha, noise)
        return np.asarray((plus - self.denoise(z - scale * unit, alpha, noise)) / (2 * scale) * size)


def score_from_denoiser(denoised: Array, z: Array, alpha: float, noise: float) -> Array:
    """(alpha D - z) / noise^2.

    Raises
    ------
    UnsupportedError
        At noise 0, where a denoiser does not determine the score.
    """
    if noise == 0:
        raise UnsupportedError("the scheme evaluates the score at noise level 0; use --end sigma_min")
    return np.asarray((alpha * denoised - z) / noise**2)
