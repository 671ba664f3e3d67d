"""Uniform in the rectified-flow time."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule


class UniformFlow(Schedule):
    """Equal steps in the rectified-flow time s = sigma/(1 + sigma).

    Reference: Liu et al. (2023), arXiv:2209.03003; density 1/(1 + sigma)^2.
    """

    name = "uniform_flow"
    reference = "Liu et al. 2023, arXiv:2209.03003"
    formula = "s/(1 - s), s linear"

    def levels(self, request: Request) -> Array:
        """Equally spaced s."""
        high = 1.0 if np.isinf(request.sigma_max) else request.sigma_max / (1 + request.sigma_max)
        low = request.sigma_min / (1 + request.sigma_min)
        s = high + request.ramp() * (low - high)
        with np.errstate(divide="ignore"):
            levels: Array = s / (1 - s)
        levels[0], levels[-1] = request.sigma_max, request.sigma_min
        return levels
