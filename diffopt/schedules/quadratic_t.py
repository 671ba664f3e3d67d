"""Quadratic spacing of the variance-preserving time."""

from __future__ import annotations

import numpy as np

from diffopt.processes import VPLinear
from diffopt.schedules.base import Array, Request, Schedule


class QuadraticT(Schedule):
    """Square root of the linear variance-preserving time equally spaced: denser near the data than `vp`.

    t = (sqrt(t(smax)) + u (sqrt(t(smin)) - sqrt(t(smax))))^2, beta from 0.1 to 20.
    Reference: Song, Meng, Ermon (2021), arXiv:2010.02502, app. D.2 (quadratic tau).
    """

    name = "quadratic_t"
    reference = "Song, Meng, Ermon 2021, arXiv:2010.02502, app. D.2"
    formula = "sqrt(exp(bd t^2/2 + bm t) - 1), sqrt(t) linear"

    def levels(self, request: Request) -> Array:
        """Squares of an equally spaced root."""
        high, low = request.finite(self.name)
        process = VPLinear()
        root = np.sqrt(process.time(np.array([high, low])))
        levels = np.asarray(process.sigma((root[0] + request.ramp() * (root[1] - root[0])) ** 2))
        levels[0], levels[-1] = high, low
        return levels
