"""Shifted rectified-flow grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule


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

    def levels(self, span: Span) -> Array:
        """Equally spaced t, shifted."""
        ends = np.array([span.sigma_max, span.sigma_min])
        first, last = (1 if np.isinf(e) else e / (self.shift + e) for e in ends)
        t = first + span.ramp() * (last - first)
        with np.errstate(divide="ignore"):
            levels: Array = self.shift * t / (1 - t)
        levels[0], levels[-1] = ends
        return levels


class FluxShift(Schedule):
    """Rectified-flow time shifted by exp(mu), mu = 1.15: Flux at 4096 image tokens (1024 x 1024 pixels).

    mu is linear in the number of tokens, 0.5 at 256 and 1.15 at 4096; sigma = exp(mu) t/(1 - t), t linear.
    Reference: diffusers, calculate_shift of the Flux pipeline (base 0.5, max 1.15).
    """

    name = "flux_shift"
    reference = "diffusers, pipeline_flux.calculate_shift (mu = 1.15 at 4096 tokens)"
    formula = "exp(1.15) t/(1 - t), t linear"

    def levels(self, span: Span) -> Array:
        """The shifted grid."""
        return FlowShift(float(np.exp(1.15))).levels(span)
