"""ComfyUI's `simple`."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.training import IndexRule


class Simple(IndexRule):
    """Training levels from the noisy end with stride T/N, rounded down.

    index = T - 1 - floor(i T/N), i = 0 .. N-1; then 0.
    Reference: ComfyUI, simple_scheduler.
    """

    name = "simple"
    reference = "ComfyUI, simple_scheduler"
    formula = "training level T - 1 - floor(i T/N)"
    stops_above = True

    def indices(self, size: int, count: int) -> Array:
        """Strides from the top."""
        return np.asarray(size - 1 - np.floor(np.arange(count) * (size / count)))
