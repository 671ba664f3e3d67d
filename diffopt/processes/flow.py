"""Rectified flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array, Numbers
from diffopt.processes.base import Process

#: Levels of a model that says its shift and not their number.
TRAINED = 1000


def shifted(u: Array, a: float) -> Array:
    """Times s = a u / (1 + (a - 1) u) of unshifted times (theory.md, eq. 420)."""
    return np.asarray(a * u / (1 + (a - 1) * u))


def unshifted(s: Array, a: float) -> Array:
    """The inverse, u = s / (a - (a - 1) s)."""
    return np.asarray(s / (a - (a - 1) * s))


@dataclass(frozen=True)
class Flow(Process):
    """Straight interpolation z = (1 - s) x_0 + s n with time s in [0, 1]; sigma = s / (1 - s).

    f = -1/(1 - s), g^2 = 2 s/(1 - s). Pure noise (s = 1, sigma infinite) is the default start. `model_shift` a and
    `trained_levels` T say which levels the model's own schedules pick from, a u/(1 + (a - 1) u) at u = k/T (theory.md,
    eq. 420), not another path; they are known where either is given.
    Reference: Liu et al. (2023), arXiv:2209.03003; Esser et al. (2024), arXiv:2403.03206.
    """

    name = "flow"
    flow = True
    of_latents = True
    default_sigma_max = np.inf
    default_clock = "time"
    pole = 1.0
    model_shift: float = 1.0
    trained_levels: int = 0

    def __post_init__(self) -> None:
        if not 1e-6 <= self.model_shift <= 1e6:
            raise InputError(f"the shift of a flow model must be a factor such as 3, got {self.model_shift:g}")
        if self.trained_levels < 0 or self.trained_levels == 1:
            raise InputError(f"trained_levels must be at least 2 (0: not known), got {self.trained_levels}")

    @property
    def listed(self) -> bool:
        """Whether the model's own levels are known."""
        return self.trained_levels > 0 or self.model_shift != 1

    @property
    def trained(self) -> int:
        """Number T of the model's levels."""
        return self.trained_levels or TRAINED

    def shifted(self, u: Array) -> Array:
        """Times s of unshifted times (theory.md, eq. 420)."""
        return shifted(u, self.model_shift)

    def unshifted(self, time: Array) -> Array:
        """Inverse of :meth:`shifted`."""
        return unshifted(time, self.model_shift)

    @property
    def ends(self) -> Array:
        """The least of its levels, and that shifted once more, where rules end that take it for an unshifted time (eq. 421)."""
        first = self.shifted(np.array(1 / self.trained))
        return np.array([first, self.shifted(first)])

    @property
    def default_sigma_min(self) -> float:  # type: ignore[override]
        """0.002, or where it is known the least level of the model's own schedules if that is below (eqs. 420, 421)."""
        if not self.listed:
            return Process.default_sigma_min
        return float(min(Process.default_sigma_min, *(self.ends / (1 - self.ends))))

    def parameters(self) -> dict[str, float]:
        """Shift and number of levels, where they are known."""
        return {"model_shift": self.model_shift, "trained_levels": self.trained} if self.listed else {}

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

    def whole_levels(self) -> Array:
        """s = 1/1000, ..., 1, the last one pure noise."""
        return self.sigma(np.arange(1, TRAINED + 1) / TRAINED)

    def timesteps(self, sigma: np.ndarray) -> np.ndarray:
        """1000 s, the conditioning of the common flow models."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(sigma), 1000.0, 1000.0 * sigma / (1.0 + sigma))
