"""Uniform in the time of the linear variance-preserving process."""

from __future__ import annotations

import numpy as np

from diffopt.processes import VPLinear
from diffopt.schedules.base import Array, Request, Schedule


class UniformVP(Schedule):
    """Equal steps in the time of the linear variance-preserving process (beta from 0.1 to 20).

    sigma = sqrt(exp(bd t^2/2 + bm t) - 1), bd = 19.9, bm = 0.1, t linear.
    Reference: k-diffusion, get_sigmas_vp; Karras et al. (2022), table 1.
    """

    name = "vp"
    reference = "k-diffusion, get_sigmas_vp"
    formula = "sqrt(exp(bd t^2/2 + bm t) - 1), t linear"

    def levels(self, request: Request) -> Array:
        """Equally spaced times."""
        high, low = request.finite(self.name)
        process = VPLinear()
        t = process.time(np.array([high, low]))
        levels: Array = process.sigma(t[0] + request.ramp() * (t[1] - t[0]))
        levels[0], levels[-1] = high, low
        return levels
