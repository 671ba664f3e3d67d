"""ComfyUI's `sgm_uniform`."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.training import IndexRule


class SGMUniform(IndexRule):
    """Timesteps linear from sigma_max towards sigma_min with N + 1 points, the last one dropped; then 0.

    t_i = t(smax) + (i/N) (t(smin) - t(smax)), i = 0 .. N-1.
    Reference: ComfyUI, normal_scheduler with sgm=True; the scheduler of Stability's generative-models.
    """

    name = "sgm_uniform"
    reference = "ComfyUI, normal_scheduler(sgm=True)"
    formula = "timestep linear from t(smax) to t(smin), N + 1 points, last dropped"
    stops_above = True

    def indices(self, size: int, count: int) -> Array:
        """Evenly spread, the last left out."""
        return np.linspace(size - 1, 0, count + 1)[:-1]
