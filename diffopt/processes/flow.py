"""Rectified flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.base import Process


@dataclass(frozen=True)
class Flow(Process):
    """Straight interpolation z = (1 - s) x_0 + s n with time s in [0, 1]; sigma = s / (1 - s).

    f = -1/(1 - s), g^2 = 2 s/(1 - s). Pure noise (s = 1, sigma infinite) is the default start.
    Reference: Liu et al. (2023), arXiv:2209.03003; Esser et al. (2024), arXiv:2403.03206.
    """

    name = "flow"
    default_sigma_max = np.inf
    default_clock = "time"
    pole = 1.0

    def time(self, sigma: Numbers) -> Numbers:
        """s = sigma / (1 + sigma)."""
        return sigma / (1 + sigma)

    def alpha(self, time: Numbers) -> Numbers:
        """Signal scale 1 - s."""
        return 1 - time

    def noise(self, time: Numbers) -> Numbers:
        """Noise scale s."""
        return time

    def drift(self, time: Numbers) -> Numbers:
        """Drift -1/(1 - s), infinite at pure noise."""
        with np.errstate(divide="ignore"):
            return -1 / (1 - time)

    def diffusion(self, time: Numbers) -> Numbers:
        """Squared diffusion 2 s/(1 - s), infinite at pure noise."""
        with np.errstate(divide="ignore"):
            return 2 * time / (1 - time)

    def reverse_rates(self, time: Numbers, eta: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Without noise the straight path's velocity (D - z)/s, finite at s = 1 (theory.md, eq. 9)."""
        if np.any(eta):
            return super().reverse_rates(time, eta)
        pull = 1 / time
        return -pull, pull, np.zeros_like(pull), np.zeros_like(pull)

    def to_data(self, time: Numbers, eta: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """D itself without noise; with noise the score at a = 1/2 as (alpha D - z)/s^2, the rest kept."""
        with np.errstate(divide="ignore", invalid="ignore"):
            extra = np.where(eta == 0, 0, eta**2 * time**2 / (1 - time))
        return 0 * extra, 1 + 0 * extra, extra, 2 * extra

    def score_integral(self, sigma: Numbers, time: Numbers) -> Numbers:
        """2/(1 - s) + 2 log(1 - s), the antiderivative of 2 s/(1 - s)^2."""
        del sigma
        with np.errstate(divide="ignore", invalid="ignore"):
            return 2 / (1 - time) + 2 * np.log(1 - time)

    def start_time(self) -> float:
        """Pure noise at s = 1."""
        return 1.0

    def timesteps(self, sigma: np.ndarray) -> np.ndarray:
        """1000 s, the conditioning of the common flow models."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(sigma), 1000.0, 1000.0 * sigma / (1.0 + sigma))
