"""The best grid for Analytic-DPM's isotropic variance."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.density import spectrum_of
from diffopt.schedules.program import cheapest, fine_grid


class AnalyticDPMProgram(Schedule):
    """Dynamic program over the variational bound with Analytic-DPM's optimal isotropic variance.

    The true variance of the jump a -> b is v = V_b (a^2 - b^2)/V_a per direction; with their mean as
    the common variance the jump costs (d/2) log(mean v / geometric mean v).
    Reference: Bao et al. 2022, arXiv:2201.06503 (optimal trajectory); Gaussian cost derived here.
    """

    name = "analytic_dpm_dp"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    slow = True
    reference = "Bao et al. 2022, arXiv:2201.06503 (program read); Gaussian cost derived here"
    most = 300
    formula = "min over paths of sum (d/2) log(AM/GM) of v = V_b (a^2 - b^2)/V_a"

    def levels(self, request: Request) -> Array:
        """Cheapest path through the fine grid; the cost is separable in a and b."""
        spectrum, (high, low) = spectrum_of(request, self.name), request.finite(self.name)
        sigma = fine_grid(high, low, request.levels - 1)
        variance, share = spectrum.eig + sigma[:, None] ** 2, spectrum.weight / spectrum.dim
        signal, one = (spectrum.eig / variance) @ share, (1 / variance) @ share
        log = np.log(variance) @ share
        mean = signal[:, None] + one[:, None] * sigma**2
        cost = 0.5 * spectrum.dim * (np.log(mean) - (log - log[:, None]))
        return sigma[cheapest(cost, request.levels - 1)]
