"""diffusers' beta sigmas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import betaincinv

from diffopt.schedules.base import Array, Request, Schedule


@dataclass(frozen=True)
class BetaSigma(Schedule):
    """Beta quantiles of sigma itself: what diffusers calls beta sigmas, not what ComfyUI calls beta.

    sigma = smin + (smax - smin) F^-1(1 - u; a, b), a = b = 0.6.
    Reference: diffusers, use_beta_sigmas (_convert_to_beta).
    """

    name: ClassVar[str] = "beta_sigma"
    reference: ClassVar[str] = "diffusers, use_beta_sigmas"
    formula: ClassVar[str] = "smin + (smax - smin) F^-1(1 - u; 0.6, 0.6)"
    a: float = 0.6
    b: float = 0.6

    def levels(self, request: Request) -> Array:
        """Quantiles between the ends."""
        high, low = request.finite(self.name)
        levels = low + (high - low) * betaincinv(self.a, self.b, 1 - request.ramp())
        levels[0], levels[-1] = high, low
        return np.asarray(levels)
