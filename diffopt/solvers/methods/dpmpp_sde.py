"""DPM-Solver++ (stochastic), second order in the drift."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import ancestral_split
from diffopt.solvers.table import Table


class DPMPPSDE(Solver):
    """Midpoint in half-log-SNR with ancestral noise, k-diffusion's sample_dpmpp_sde with r = 1/2.

    Stage: x_m = D + (down_m/sigma)(x - D) + up_m xi_m at sigma_m = sqrt(sigma sigma').
    Step: x' = (down/sigma) x + (1 - down/sigma) D(x_m) + up xi. Both noises come from one Brownian
    path in sigma, so corr(xi_m, xi) = sqrt((sigma - sigma_m)/(sigma - sigma')). Euler to sigma = 0.
    The order is that of the law (weak order); paths converge more slowly.
    Reference: k-diffusion, sample_dpmpp_sde and BrownianTreeNoiseSampler.
    """

    name = "dpmpp_sde"
    law_order = 2
    stages = 2
    reference = "k-diffusion, sample_dpmpp_sde (r = 1/2)"
    default_eta = 1.0
    eta_meaning = "DDIM/ancestral"

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows and two noise sources per step, eq. (20)."""
        table = Table.zeros(points, rows=2, lags=2, sources=2)
        to_zero = np.asarray(points.sigma[..., 1:].real == 0)
        sigma_0 = points.sigma[..., :-1]
        sigma_1 = np.where(to_zero, sigma_0 / 2, points.sigma[..., 1:])
        middle = np.where(to_zero, 0, np.sqrt(sigma_0 * sigma_1))
        alpha_m, level_m = points.process.levels(middle, points.process.time(middle))
        table.put_node(0, alpha_m, level_m)
        down_m, up_m = ancestral_split(middle / sigma_0, eta)
        keep = down_m * level_m / points.noise_0
        table.state[..., 0, 0] = keep
        table.denoised[..., 0, 0] = alpha_m - points.alpha_0 * keep
        table.noise[..., 0, 0] = level_m * up_m
        down, up = ancestral_split(points.ratio, eta)
        correlation = np.sqrt((sigma_0 - middle) / (sigma_0 - sigma_1))
        correlation = np.where(to_zero, 0, correlation)
        keep = down * points.decay
        table.state[..., 1, 1] = np.where(to_zero, 0, keep)
        table.denoised[..., 1, 0] = np.where(to_zero, 0, points.alpha_1 - points.alpha_0 * keep)
        # The step to 0 is done by the first row alone; the second copies it.
        table.state[..., 1, 0] = np.where(to_zero, 1, 0)
        table.noise[..., 1, 0] = points.noise_1 * up * correlation
        table.noise[..., 1, 1] = points.noise_1 * up * np.sqrt(1 - np.where(to_zero, 0, correlation) ** 2)
        return table
