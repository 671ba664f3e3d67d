"""The tangent law with the best constant for the 2-Wasserstein distance."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.tangent_search import best_tangent


class TangentW2(Schedule):
    """The tangent law with the constant c that is best in the 2-Wasserstein distance of DDIM on this spectrum.

    For one eigenvalue c^2 this is the exact optimum at every N; for a spectrum it is the best member
    of the family, found by a one-dimensional search over the exact error.
    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1 (law); choice of c derived here.
    """

    name = "tangent_w2"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    slow = True
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1 (law); choice of c derived here"
    formula = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c minimizes W2 of DDIM"

    def levels(self, request: Request) -> Array:
        """One-dimensional search."""
        return best_tangent(request, self.name, lambda v, t, w: float((np.sqrt(v) - np.sqrt(t)) ** 2 @ w))
