"""ComfyUI's `ddim_uniform`."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.training import IndexRule


class DDIMUniform(IndexRule):
    """Training levels 1, 1 + s, 1 + 2 s, ... with stride s = T // N, reversed; then 0.

    Where T is no multiple of N the host returns more levels than it was asked for; the N lowest are
    kept. The first level is raised to sigma_max, so that the row starts where all others do.
    Reference: ComfyUI, ddim_scheduler.
    """

    name = "ddim_uniform"
    reference = "ComfyUI, ddim_scheduler"
    formula = "training level 1 + k (T // N), reversed; first level raised to smax"
    stops_above = True

    def indices(self, size: int, count: int) -> Array:
        """Strides from level 1."""
        return np.asarray(1.0 + np.arange(count)[::-1] * max(size // count, 1), dtype=np.float64)
