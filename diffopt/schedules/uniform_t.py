"""Uniform in the process's own time."""

from __future__ import annotations

import numpy as np

from diffopt.grid import process_times
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
