"""Variance-exploding process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.base import Process


@dataclass(frozen=True)
class VE(Process):
    """Variance exploding: z = x_0 + t n, so time is the noise ratio itself.

    f = 0, g^2 = 2 t. Reference: Karras et al. (2022), arXiv:2206.00364, sec. 3.
    """

    name = "ve"
    time_is_sigma = True

    def time(self, sigma: Numbers) -> Numbers:
        """t = sigma."""
        return sigma

    def alpha(self, time: Numbers) -> Numbers:
        """Signal scale 1."""
        return np.ones_like(time)

    def noise(self, time: Numbers) -> Numbers:
        """Noise scale t."""
        return time

    def drift(self, time: Numbers) -> Numbers:
        """No drift."""
        return np.zeros_like(time)

    def diffusion(self, time: Numbers) -> Numbers:
        """Squared diffusion 2 t."""
        return 2 * time

    def reverse_rates(self, time: Numbers, eta: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Written with the denoiser, S = (D - z)/t^2: A = -(1 + eta^2)/t = -B, rate 2 eta^2 t."""
        pull = (1 + eta**2) / time
        return -pull, pull, 0 * pull, 2 * eta**2 * time

    def to_data(self, time: Numbers, eta: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """A = -eta^2, exactly 0 without noise."""
        square = eta**2 + 0 * time
        return -square, 1 + square, 0 * square, 2 * square * time**2

    def score_integral(self, sigma: Numbers, time: Numbers) -> Numbers:
        """Antiderivative t^2."""
        del sigma
        return time**2
