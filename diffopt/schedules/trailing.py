"""diffusers' `trailing` spacing."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.training import IndexRule


class Trailing(IndexRule):
    """Every (T/N)-th training timestep counted from pure noise, which is always visited.

    index = round(T - i T/N) - 1, i = 0 .. N-1; then 0.
    Reference: diffusers, timestep_spacing="trailing"; Lin et al. (2024), arXiv:2305.08891, table 2.
    """

    name = "trailing"
    reference = 'diffusers, timestep_spacing="trailing"'
    formula = "training level round(T - i T/N) - 1"
    stops_above = True

    def indices(self, size: int, count: int) -> Array:
        """From the last level downwards."""
        return np.round(size - np.arange(count) * (size / count)) - 1
