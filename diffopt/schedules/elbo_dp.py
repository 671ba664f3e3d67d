"""The best grid for ancestral sampling in the variational bound."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.density import spectrum_of
from diffopt.schedules.program import cheapest, fine_grid


class ELBOProgram(Schedule):
    """Dynamic program over the variational bound of ancestral sampling with the small variance.

    Transition means are exact on Gaussian data, so a jump a -> b costs the KL of the variances only,
    1/2 sum (y - 1 - log y) with y = (1 + eig/b^2)/(1 + eig/a^2).
    Reference: Watson et al. 2021, arXiv:2106.03802 (program); Gaussian cost derived here.
    """

    name = "elbo_dp"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    slow = True
    reference = "Watson et al. 2021, arXiv:2106.03802 (program read); Gaussian cost derived here"
    most = 300
    formula = "min over paths of sum 1/2 sum (y - 1 - log y), y = (1 + eig/b^2)/(1 + eig/a^2)"

    def levels(self, request: Request) -> Array:
        """Cheapest path through the fine grid; the cost is separable in a and b."""
        spectrum, (high, low) = spectrum_of(request, self.name), request.finite(self.name)
        sigma = fine_grid(high, low, request.levels - 1)
        ratio = spectrum.eig / sigma[:, None] ** 2
        log = np.log1p(ratio) @ spectrum.weight
        inverse = 1 / (1 + ratio)
        mean = (inverse @ spectrum.weight)[:, None] + (inverse @ (spectrum.weight * spectrum.eig))[:, None] / sigma**2
        cost = 0.5 * (mean - spectrum.dim - (log - log[:, None]))
        return sigma[cheapest(cost, request.levels - 1)]
