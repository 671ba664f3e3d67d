"""The tangent law with the best constant for the KL divergence."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.tangent_search import best_tangent


class TangentKL(Schedule):
    """The tangent law with the constant c that is best in the KL divergence of DDIM on this spectrum.

    As `tangent_w2`, with KL(target || output) = 1/2 sum (t/v - 1 - log t/v) over directions with a
    positive target variance.
    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1 (law); choice of c derived here.
    """

    name = "tangent_kl"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    slow = True
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1 (law); choice of c derived here"
    formula = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c minimizes KL of DDIM"

    def levels(self, request: Request) -> Array:
        """One-dimensional search."""
        return best_tangent(request, self.name, divergence)


def divergence(variance: Array, target: Array, weight: Array) -> float:
    """KL of the directions with data."""
    keep = target > 0
    ratio = target[keep] / variance[keep]
    return float((ratio - 1 - np.log(ratio)) @ weight[keep]) / 2
