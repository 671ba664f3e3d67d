"""Shifted rectified-flow grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule


@dataclass(frozen=True)
class FlowShift(Schedule):
    """Rectified-flow time equally spaced, then shifted by 3: the grid of Stable Diffusion 3.

    t' = s t/(1 + (s - 1) t), which multiplies sigma = t/(1 - t) by s; t linear over the range that the
    shift maps onto the wanted one.
    Reference: Esser et al. (2024), arXiv:2403.03206, eq. 23 (s = 3).
    """

    name: ClassVar[str] = "flow_shift"
    reference: ClassVar[str] = "Esser et al. 2024, arXiv:2403.03206, eq. 23; diffusers, FlowMatchEuler shift"
    formula: ClassVar[str] = "s t/(1 - t), t linear, s = 3"
    family: ClassVar[tuple[str, ...]] = ("shift",)
    shift: float = 3.0

    def levels(self, request: Request) -> Array:
        """Equally spaced t, shifted."""
        ends = np.array([request.sigma_max, request.sigma_min])
        first, last = (1 if np.isinf(e) else e / (self.shift + e) for e in ends)
        t = first + request.ramp() * (last - first)
        with np.errstate(divide="ignore"):
            levels: Array = self.shift * t / (1 - t)
        levels[0], levels[-1] = ends
        return levels
