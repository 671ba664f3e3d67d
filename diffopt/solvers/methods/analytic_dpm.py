"""Ancestral sampling whose noise is scaled freely, for Analytic-DPM's optimal variance."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.table import Table


class AnalyticDPM(Solver):
    """The mean of ancestral sampling, with eta times the posterior's standard deviation as noise.

    x' = D + r^2 (x - D) + eta sigma' sqrt(1 - r^2) xi, r = sigma'/sigma. eta = 1 is DDPM's small
    variance, eta = 1/r the large one; the optimal isotropic variance needs the data's spectrum.
    Reference: Bao et al. (2022), arXiv:2201.06503, theorem 1.
    """

    name = "analytic_dpm"
    law_order = 1
    reference = "Bao et al. 2022, arXiv:2201.06503, thm. 1"
    default_eta = 1.0
    eta_meaning = "multiple of the posterior's standard deviation"

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step."""
        table = Table.zeros(points, sources=1)
        down = points.ratio * points.decay
        table.state[..., 0, 0] = down
        table.denoised[..., 0, 0] = points.alpha_1 - points.alpha_0 * down
        table.noise[..., 0, 0] = eta * points.noise_1 * np.sqrt(1 - points.ratio**2)
        return table
