"""Variance-preserving processes: alpha^2 + noise^2 = 1."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Numbers
from diffopt.processes.base import Process


class VariancePreserving(Process):
    """Common part: everything follows from B(t) = -2 log alpha(t) (theory.md, eq. 4)."""

    finite_at_data = True

    @abstractmethod
    def integrated_rate(self, time: Numbers) -> Numbers:
        """B(t), the integral of beta from 0 to t."""

    @abstractmethod
    def rate(self, time: Numbers) -> Numbers:
        """beta(t) = B'(t)."""

    def alpha(self, time: Numbers) -> Numbers:
        """Signal scale exp(-B/2)."""
        return np.exp(-self.integrated_rate(time) / 2)

    def noise(self, time: Numbers) -> Numbers:
        """Noise scale sqrt(1 - exp(-B))."""
        return np.sqrt(-np.expm1(-self.integrated_rate(time)))

    def sigma(self, time: Numbers) -> Numbers:
        """sqrt(exp(B) - 1)."""
        return np.sqrt(np.expm1(self.integrated_rate(time)))

    def drift(self, time: Numbers) -> Numbers:
        """Drift -beta/2."""
        return -self.rate(time) / 2

    def diffusion(self, time: Numbers) -> Numbers:
        """Squared diffusion beta."""
        return self.rate(time)

    def score_integral(self, sigma: Numbers, time: Numbers) -> Numbers:
        """2 / alpha: the derivative of 2 sqrt(1 + q) with respect to q = sigma^2 is alpha."""
        del sigma
        return 2 / self.alpha(time)


#: Largest beta_min + beta_max: sigma^2 = exp(half of it) - 1 is a double up to 1419.
MOST_BETAS = 1400.0


@dataclass(frozen=True)
class VPLinear(VariancePreserving):
    """Linear rate beta(t) = beta_min + t (beta_max - beta_min) on [0, 1].

    dz = -beta z/2 dt + sqrt(beta) dW. Reference: Song et al. (2021), arXiv:2011.13456, eq. 32.

    Raises
    ------
    InputError
        When not 0 <= beta_min < beta_max, or where the largest noise ratio is beyond doubles.
    """

    name = "vp_linear"
    family = ("beta_min", "beta_max")
    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self) -> None:
        if not (0 <= self.beta_min < self.beta_max < np.inf):
            raise InputError(f"need 0 <= beta-min < beta-max, got {self.beta_min:g} and {self.beta_max:g}")
        if self.beta_min + self.beta_max > MOST_BETAS:
            raise InputError(
                f"beta-min and beta-max may sum to {MOST_BETAS:g}, got {self.beta_min:g} and {self.beta_max:g}: the noise ratio "
                "at t = 1 leaves the range of doubles"
            )

    @property
    def sigma_limits(self) -> tuple[float, float]:  # type: ignore[override]
        """Largest noise ratio, at t = 1."""
        return float(np.sqrt(np.expm1((self.beta_min + self.beta_max) / 2))), 0.0

    def integrated_rate(self, time: Numbers) -> Numbers:
        """B(t) = beta_min t + (beta_max - beta_min) t^2 / 2."""
        return (self.beta_min + (self.beta_max - self.beta_min) * time / 2) * time

    def rate(self, time: Numbers) -> Numbers:
        """beta(t)."""
        return self.beta_min + (self.beta_max - self.beta_min) * time

    def time(self, sigma: Numbers) -> Numbers:
        """Positive root of B(t) = log(1 + sigma^2), written without cancellation."""
        target, slope = np.log1p(sigma**2), self.beta_max - self.beta_min
        root = np.sqrt(self.beta_min**2 + 2 * slope * target)
        total = self.beta_min + root
        return np.where(total.real > 0, 2 * target / np.where(total.real > 0, total, 1.0), 0.0 * target)

    def parameters(self) -> dict[str, float]:
        """beta_min and beta_max."""
        return {"beta_min": self.beta_min, "beta_max": self.beta_max}


@dataclass(frozen=True)
class VPCosine(VariancePreserving):
    """Cosine signal scale alpha(t) = cos(a(t)) / cos(a(0)), a(t) = (pi/2) (t + s)/(1 + s), s = 0.008.

    Reference: Nichol and Dhariwal (2021), arXiv:2102.09672, eq. 17. Pure noise is reached at t = 1.
    """

    name = "vp_cosine"
    pole = 1.0
    offset: float = 0.008

    def _angle(self, time: Numbers) -> Numbers:
        return np.pi / 2 * (time + self.offset) / (1 + self.offset)

    @property
    def _angle0(self) -> float:
        return float(np.pi / 2 * self.offset / (1 + self.offset))

    def integrated_rate(self, time: Numbers) -> Numbers:
        """B(t) = -2 log alpha(t)."""
        return -2 * np.log(self.alpha(time))

    def rate(self, time: Numbers) -> Numbers:
        """beta(t) = 2 a' tan(a)."""
        return np.pi / (1 + self.offset) * np.tan(self._angle(time))

    def alpha(self, time: Numbers) -> Numbers:
        """cos(a(t)) / cos(a(0))."""
        return np.cos(self._angle(time)) / np.cos(self._angle0)

    def noise(self, time: Numbers) -> Numbers:
        """sqrt(sin(a - a0) sin(a + a0)) / cos(a0), equal to sqrt(1 - alpha^2) without cancellation."""
        gap = np.pi / 2 * time / (1 + self.offset)
        return np.sqrt(np.sin(gap) * np.sin(gap + 2 * self._angle0)) / np.cos(self._angle0)

    def sigma(self, time: Numbers) -> Numbers:
        """noise / alpha."""
        return Process.sigma(self, time)

    def time(self, sigma: Numbers) -> Numbers:
        """From tan(a)^2 = (sigma^2 + sin(a0)^2) / cos(a0)^2."""
        tangent = np.sqrt(sigma**2 + np.sin(self._angle0) ** 2) / np.cos(self._angle0)
        # arctan(tangent) - a0 as one arctan: both are small near the data.
        base = np.tan(self._angle0)
        rise = (sigma / np.cos(self._angle0)) ** 2 / (tangent + base)
        return np.arctan(rise / (1 + tangent * base)) * 2 / np.pi * (1 + self.offset)

    def parameters(self) -> dict[str, float]:
        """The offset s."""
        return {"offset": self.offset}
