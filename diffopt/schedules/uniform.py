"""Uniform in a time variable."""

from __future__ import annotations

import numpy as np

from diffopt.grid import process_times
from diffopt.processes import VPLinear
from diffopt.schedules.base import Array, Request, Schedule


class UniformT(Schedule):
    """Equal steps in the process's own time, from the start to sigma_min (or to 0 if sigma_min is 0).

    For a variance-exploding process, whose time is sigma, this is uniform in sigma.
    Reference: Song et al. (2021), arXiv:2011.13456, app. D.
    """

    name = "uniform_t"
    reference = "Song et al. 2021, arXiv:2011.13456"
    formula = "t linear"

    def levels(self, request: Request) -> Array:
        """Equally spaced times, mapped back to noise ratios."""
        ends = np.array([request.sigma_max, request.sigma_min])
        high, low = process_times(request.process, ends)
        levels: Array = request.process.sigma(high + request.ramp() * (low - high))
        levels[0], levels[-1] = ends
        return levels


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
