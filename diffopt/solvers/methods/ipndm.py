"""iPNDM: constant Adams-Bashforth weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.rules.adams import AdamsBashforth, adams, back, constant_weights, start_up
from diffopt.solvers.table import Table


@dataclass(frozen=True)
class IPNDM(AdamsBashforth):
    """Adams-Bashforth with the weights of equal steps, whatever the steps, in a clock.

    y' = y + h sum_j w_j K_{k-j}, w = 1 | 3/2, -1/2 | 23, -16, 5 (/12) | 55, -59, 37, -9 (/24); the orders
    1, 2, ... are run through first. A last step to sigma = 0 is Euler's (ComfyUI); diffusers' IPNDMScheduler
    keeps the full order there (`euler_at_final` false). On flow models the hosts step in s, clock `time`.
    Reference: Zhang and Chen (2023), arXiv:2204.13902, app. H; zju-pi/diff-sampler 68d5ce4, ipndm_sampler;
    ComfyUI 57b0f50, sample_ipndm.
    """

    name: ClassVar[str] = "ipndm"
    #: On a grid of its own the weights, which know no step lengths, are tuned to errors that cancel (docs/multistep.md).
    grid_solvers: ClassVar[tuple[str, ...]] = ("euler", "heun")
    reference: ClassVar[str] = "Zhang, Chen 2023, arXiv:2204.13902, app. H; ComfyUI 57b0f50, sample_ipndm"

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading up to four outputs, eq. (120)."""
        orders = start_up(points, self.order, self.euler_at_final)
        return adams(points, self.clock_of(points.process), constant_weights(orders, self.order))


@dataclass(frozen=True)
class IPNDMV(IPNDM):
    """Adams-Bashforth for unequal steps with the weights of its public code, which are not the exact ones.

    The third difference is weighted with (1 - h/(3 (h + h_1)) * q)/2, q = h (h + h_1)/(h_1 (h_1 + h_2)), where the
    integral asks for (1 - h/(3 (h + h_1)))/2 * q (both 5/12 on equal steps); the fourth has a sum where the integral
    has a difference, on equal steps 11/24 for 9/24. Networks are run with these; the exact weights are `lms`'s.
    Reference: zju-pi/diff-sampler 68d5ce4, ipndm_v_sampler; ComfyUI 57b0f50, sample_ipndm_v.
    """

    name: ClassVar[str] = "ipndm_v"
    grid_solvers: ClassVar[tuple[str, ...]] = ()
    reference: ClassVar[str] = "zju-pi/diff-sampler 68d5ce4, ipndm_v_sampler; ComfyUI 57b0f50, sample_ipndm_v"

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading up to four outputs, eqs. (120) and (122)."""
        clock = self.clock_of(points.process)
        h = np.diff(clock.value(points.process, points.sigma, points.time), axis=-1)
        # A step from infinity has no slope to compare with: its length is unbounded, here large.
        h = np.where(np.isfinite(h.real), h, 1e60)
        orders = start_up(points, self.order, self.euler_at_final)
        return adams(points, clock, published_weights(h, orders, self.order))


def published_weights(h: Numbers, orders: np.ndarray, most: int) -> Numbers:
    """Weights of eq. (122) from the step lengths h (..., N), shape (..., N, most)."""
    h1, h2, h3 = (back(h, j) for j in (1, 2, 3))
    r, r1 = h / h1, h1 / h2
    third = (1 - h / (3 * (h + h1)) * r * ((h + h1) / (h1 + h2))) / 2
    s = r1 * ((h1 + h2) / (h2 + h3))
    fourth = (1 - h / (3 * (h + h1))) / 2 + (1 - h / (2 * (h + h1))) * (h / (6 * (h + h1 + h2)))
    fourth = fourth * r * ((h + h1) / (h1 + h2)) * ((h + h1 + h2) / (h1 + h2 + h3))
    one, none = np.ones_like(h), np.zeros_like(h)
    parts = {
        2: (r / 2, -r / 2, none, none),
        3: (third, -(1 + r1) * third, r1 * third, none),
        4: (fourth, -(1 + r1 + s) * fourth, (r1 + s * (1 + h2 / h3)) * fourth, -s * r1 * fourth),
    }
    weights = np.zeros((*h.shape, 4), h.dtype)
    weights[..., 0] = one
    for p, part in parts.items():
        weights += np.where((orders >= p)[..., None], np.stack(part, axis=-1), 0)
    return weights[..., :most]
