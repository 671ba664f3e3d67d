"""diffusers' `linspace` spacing."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.training import IndexRule


class Linspace(IndexRule):
    """Training timesteps spread evenly over the whole table, both ends included, rounded to integers.

    index = round(linspace(0, T - 1, N)), reversed.
    Reference: diffusers, timestep_spacing="linspace"; Lin et al. (2024), arXiv:2305.08891, table 2.
    """

    name = "linspace"
    reference = 'diffusers, timestep_spacing="linspace"'
    formula = "training level round(linspace(0, T-1, N)), reversed"

    def indices(self, size: int, count: int) -> Array:
        """Rounded, evenly spread."""
        return np.round(np.linspace(size - 1, 0, count))
