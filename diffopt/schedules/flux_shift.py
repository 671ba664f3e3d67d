"""Flux's shift at one megapixel."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.flow_shift import FlowShift


class FluxShift(Schedule):
    """Rectified-flow time shifted by exp(mu), mu = 1.15: Flux at 4096 image tokens (1024 x 1024 pixels).

    mu is linear in the number of tokens, 0.5 at 256 and 1.15 at 4096; sigma = exp(mu) t/(1 - t), t linear.
    Reference: diffusers, calculate_shift of the Flux pipeline (base 0.5, max 1.15).
    """

    name = "flux_shift"
    reference = "diffusers, pipeline_flux.calculate_shift (mu = 1.15 at 4096 tokens)"
    formula = "exp(1.15) t/(1 - t), t linear"

    def levels(self, request: Request) -> Array:
        """The shifted grid."""
        return FlowShift(float(np.exp(1.15))).levels(request)
