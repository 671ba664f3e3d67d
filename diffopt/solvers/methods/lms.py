"""Linear multistep with the exact weights of unequal steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.rules.adams import AdamsBashforth, adams, adams_weights, start_up
from diffopt.solvers.table import Table


@dataclass(frozen=True)
class LMS(AdamsBashforth):
    """Adams-Bashforth for unequal steps: the integral of the polynomial through the last slopes, in a clock.

    y' = y + sum_j K_{k-j} int L_j(u) du over the step; the orders 1, 2, ... are run through first. k-diffusion
    and diffusers keep the full order on a last step to sigma = 0; ComfyUI takes Euler's (`euler_at_final`).
    Their integrals are numerical to 1e-4, these are exact.
    Reference: k-diffusion 4601bf0, sample_lms; diffusers, LMSDiscreteScheduler; ComfyUI 57b0f50, sample_lms.
    """

    name: ClassVar[str] = "lms"
    reference: ClassVar[str] = "k-diffusion 4601bf0, sample_lms; diffusers, LMSDiscreteScheduler"

    euler_at_final: bool = False

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading up to four outputs, eqs. (120) and (121)."""
        clock = self.clock_of(points.process)
        reading = clock.value(points.process, points.sigma, points.time)
        infinite = clock.name != "time"
        orders = start_up(points, self.order, self.euler_at_final, through_noise=not infinite)
        return adams(points, clock, adams_weights(reading, orders, self.order), whole=True)
