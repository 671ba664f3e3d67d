"""The best grids for ancestral sampling in the variational bound, by dynamic programs."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.spectral.density import spectrum_of
from diffopt.schedules.spectral.program import cheapest, fine_grid


class ELBOProgram(Schedule):
    """Dynamic program over the variational bound of ancestral sampling with the small variance.

    Transition means are exact on Gaussian data, so a jump a -> b costs the KL of the variances only,
    1/2 sum (y - 1 - log y) with y = (1 + eig/b^2)/(1 + eig/a^2).
    Reference: Watson et al. 2021, arXiv:2106.03802 (program); Gaussian cost derived here.
    """

    name = "elbo_dp"
    kind = "spectrum"
    status = "derived"
    slow = True
    reference = "Watson et al. 2021, arXiv:2106.03802 (program read); Gaussian cost derived here"
    most = 300
    formula = "min over paths of sum 1/2 sum (y - 1 - log y), y = (1 + eig/b^2)/(1 + eig/a^2)"

    def levels(self, span: Span) -> Array:
        """Cheapest path through the fine grid; the cost is separable in a and b."""
        spectrum, (high, low) = spectrum_of(span, self.name), span.finite(self.name)
        sigma = fine_grid(high, low, span.levels - 1)
        ratio = spectrum.eig / sigma[:, None] ** 2
        log = np.log1p(ratio) @ spectrum.weight
        inverse = 1 / (1 + ratio)
        mean = (inverse @ spectrum.weight)[:, None] + (inverse @ (spectrum.weight * spectrum.eig))[:, None] / sigma**2
        cost = 0.5 * (mean - spectrum.dim - (log - log[:, None]))
        return sigma[cheapest(cost, span.levels - 1)]


class AnalyticDPMProgram(Schedule):
    """Dynamic program over the variational bound with Analytic-DPM's optimal isotropic variance.

    The true variance of the jump a -> b is v = V_b (a^2 - b^2)/V_a per direction; with their mean as
    the common variance the jump costs (d/2) log(mean v / geometric mean v).
    Reference: Bao et al. 2022, arXiv:2201.06503 (optimal trajectory); Gaussian cost derived here.
    """

    name = "analytic_dpm_dp"
    kind = "spectrum"
    status = "derived"
    slow = True
    reference = "Bao et al. 2022, arXiv:2201.06503 (program read); Gaussian cost derived here"
    most = 300
    formula = "min over paths of sum (d/2) log(AM/GM) of v = V_b (a^2 - b^2)/V_a"

    def levels(self, span: Span) -> Array:
        """Cheapest path through the fine grid; the cost is separable in a and b."""
        spectrum, (high, low) = spectrum_of(span, self.name), span.finite(self.name)
        sigma = fine_grid(high, low, span.levels - 1)
        variance, share = spectrum.eig + sigma[:, None] ** 2, spectrum.weight / spectrum.dim
        signal, one = (spectrum.eig / variance) @ share, (1 / variance) @ share
        log = np.log(variance) @ share
        mean = signal[:, None] + one[:, None] * sigma**2
        cost = 0.5 * spectrum.dim * (np.log(mean) - (log - log[:, None]))
        return sigma[cheapest(cost, span.levels - 1)]
