"""DPM-Solver++(2S), ancestral."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.methods.dpm_2 import two_stage_ancestral
from diffopt.solvers.table import Table


class DPMPP2SAncestral(Solver):
    """Exponential midpoint in half-log-SNR to the lower level of an ancestral step, then fresh noise.

    x_m = (m/sigma) x + (1 - m/sigma) D, m = sqrt(sigma down); x' = (down/sigma) x + (1 - down/sigma) D(x_m) + up xi;
    where down is 0, x' = D + up xi. eta = 0 is the deterministic DPM-Solver++(2S) with its stage half way.
    Reference: k-diffusion 4601bf0, sample_dpmpp_2s_ancestral; Lu et al. (2022), arXiv:2211.01095, alg. 1.
    """

    name = "dpmpp_2s_ancestral"
    law_order = 2
    stages = 2
    reference = "k-diffusion 4601bf0, sample_dpmpp_2s_ancestral"
    default_eta = 1.0
    eta_meaning = "DDIM/ancestral"

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows and one source per step, eq. (125)."""
        table, lower = two_stage_ancestral(points, eta)
        keep = points.alpha_1 / points.alpha_0 * lower.down / points.sigma[..., :-1]
        table.state[..., 1, 1] = np.where(lower.none, 0, keep)
        table.state[..., 1, 0] = np.where(lower.none, 1, 0)
        table.denoised[..., 1, 0] = np.where(lower.none, 0, points.alpha_1 - points.alpha_0 * keep)
        table.noise[..., 1, 0] = points.noise_1 * lower.up
        return table
