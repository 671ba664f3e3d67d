"""RES4LYF's `beta57`."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.beta import Beta
from diffopt.schedules.training import IndexRule


class Beta57(IndexRule):
    """The `beta` rule with the law Beta(0.5, 0.7), which leans towards the noisy end less than to the data.

    index = (T - 1) F^-1(1 - i/N; 0.5, 0.7), i = 0 .. N-1; then 0.
    Reference: RES4LYF for ComfyUI, get_sigmas (alpha = 0.5, beta = 0.7).
    """

    name = "beta57"
    reference = "RES4LYF, beta57 = ComfyUI beta_scheduler(alpha=0.5, beta=0.7)"
    formula = "training level (T-1) F^-1(1 - i/N; 0.5, 0.7)"
    stops_above = True

    def indices(self, size: int, count: int) -> Array:
        """Quantiles of the Beta law."""
        return np.asarray(Beta(0.5, 0.7).indices(size, count))
