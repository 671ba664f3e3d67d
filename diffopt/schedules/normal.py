"""ComfyUI's `normal`."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.training import IndexRule


class Normal(IndexRule):
    """Timesteps linear from sigma_max to sigma_min, both included, not rounded; then 0.

    t_i = t(smax) + u (t(smin) - t(smax)).
    Reference: ComfyUI, normal_scheduler; k-diffusion, DiscreteSchedule.get_sigmas.
    """

    name = "normal"
    reference = "ComfyUI, normal_scheduler"
    formula = "timestep linear from t(smax) to t(smin), N points"

    def indices(self, size: int, count: int) -> Array:
        """Evenly spread, ends included."""
        return np.linspace(size - 1, 0, count)
