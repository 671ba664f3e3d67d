"""The tangent law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule


@dataclass(frozen=True)
class KLOptimal(Schedule):
    """Uniform in arctan(sigma/c): optimal for one eigenvalue c^2 (theory.md, eq. 38); c = 1.

    sigma_i = c tan((1 - u) arctan(smax/c) + u arctan(smin/c)).
    Reference: Sabour, Fidler, Kreis (2024), arXiv:2404.14507, theorem 3.1; ComfyUI's kl_optimal.
    """

    name: ClassVar[str] = "kl_optimal"
    reference: ClassVar[str] = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1"
    formula: ClassVar[str] = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c = 1"
    family: ClassVar[tuple[str, ...]] = ("c",)
    c: float = 1.0

    def levels(self, request: Request) -> Array:
        """Equally spaced angles."""
        ends = np.arctan(np.array([request.sigma_max, request.sigma_min]) / self.c)
        levels: Array = self.c * np.tan(ends[0] + request.ramp() * (ends[1] - ends[0]))
        levels[0], levels[-1] = request.sigma_max, request.sigma_min
        return levels
