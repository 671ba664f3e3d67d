"""diffusers' `leading` spacing."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.training import IndexRule


class Leading(IndexRule):
    """Every (T // N)-th training timestep counted from the data; the host never visits sigma_max.

    index = (0 .. N-1) (T // N), reversed. The first level is raised to sigma_max here, so that the
    row starts where all others do.
    Reference: diffusers, timestep_spacing="leading"; Lin et al. (2024), arXiv:2305.08891, table 2.
    """

    name = "leading"
    reference = 'diffusers, timestep_spacing="leading"'
    formula = "training level (0..N-1) (T // N), reversed; first level raised to smax"

    def indices(self, size: int, count: int) -> Array:
        """Multiples of the stride."""
        return np.asarray(np.arange(count)[::-1] * float(size // count), dtype=np.float64)
