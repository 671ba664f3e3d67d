"""Uniform in the time of the cosine model."""

from __future__ import annotations

import numpy as np

from diffopt.processes import VPCosine
from diffopt.schedules.base import Array, Request, Schedule


class Cosine(Schedule):
    """Equal steps in the time of the cosine noise schedule; without its offset it is `kl_optimal`.

    alpha = cos(a(t))/cos(a(0)), a(t) = (pi/2)(t + s)/(1 + s), s = 0.008; for s = 0, sigma = tan(pi t/2).
    Reference: Nichol and Dhariwal (2021), arXiv:2102.09672, eq. 17.
    """

    name = "cosine"
    reference = "Nichol, Dhariwal 2021, arXiv:2102.09672, eq. 17"
    formula = "alpha = cos(pi (t+s)/(2+2s)) / cos(pi s/(2+2s)), s = 0.008, t linear"

    def levels(self, request: Request) -> Array:
        """Equally spaced times."""
        high, low = request.finite(self.name)
        process = VPCosine()
        t = process.time(np.array([high, low]))
        levels = np.asarray(process.sigma(t[0] + request.ramp() * (t[1] - t[0])), dtype=np.float64)
        levels[0], levels[-1] = high, low
        return levels
