"""ComfyUI's `beta`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import betaincinv

from diffopt.schedules.base import Array
from diffopt.schedules.training import IndexRule


@dataclass(frozen=True)
class Beta(IndexRule):
    """Timesteps at quantiles of a Beta(0.6, 0.6) law: denser at both ends than in the middle.

    index = (T - 1) F^-1(1 - i/N; a, b), i = 0 .. N-1; then 0. The host rounds the index and drops
    repeats, which loses steps; it is not rounded here.
    Reference: Lee et al. (2024), arXiv:2407.12173; ComfyUI, beta_scheduler.
    """

    name: ClassVar[str] = "beta"
    reference: ClassVar[str] = "Lee et al. 2024, arXiv:2407.12173; ComfyUI, beta_scheduler"
    formula: ClassVar[str] = "training level (T-1) F^-1(1 - i/N; a, b), a = b = 0.6"
    stops_above = True
    a: float = 0.6
    b: float = 0.6

    def indices(self, size: int, count: int) -> Array:
        """Quantiles of the Beta law."""
        return np.asarray((size - 1) * betaincinv(self.a, self.b, 1 - np.arange(count) / count))
