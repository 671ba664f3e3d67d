"""SDE-DPM-Solver++(2M)."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import step_ratio
from diffopt.solvers.table import Table


class DPMPP2MSDE(Solver):
    """Two-step exponential multistep for the reverse SDE, midpoint form.

    x' = r^{1+eta} x + (1 - r^{1+eta}) [D + (D - D_prev) h/(2 h_prev)] + sigma' sqrt(1 - r^{2 eta}) xi.
    Here eta is k-diffusion's: the noise rate in half-log-SNR is 2 eta sigma^2, i.e. reverse-SDE
    coefficient sqrt(eta) (theory.md, eq. 19). The order is that of the law (weak order); paths converge more slowly.
    Reference: Lu et al. (2022), arXiv:2211.01095, sec. 4.3; k-diffusion, sample_dpmpp_2m_sde.
    """

    name = "dpmpp_2m_sde"
    law_order = 2
    memory = 1
    reference = "k-diffusion, sample_dpmpp_2m_sde (midpoint)"
    default_eta = 1.0
    eta_meaning = "SDE-DPM++"

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading two denoiser outputs, eq. (19)."""
        table = Table.zeros(points, lags=2, sources=1)
        # r^eta is 1 at eta = 0 also where r is 0, from pure noise.
        limit = np.where(eta.real == 0, 1, 0)
        damping = np.where(points.unbounded, limit, np.exp(-eta * points.h))
        down = damping * points.decay
        gain = points.alpha_1 - points.alpha_0 * down
        slope = gain * step_ratio(points) / 2
        table.state[..., 0, 0] = down
        table.denoised[..., 0, 0] = gain + slope
        table.denoised[..., 0, 1] = -slope
        table.noise[..., 0, 0] = points.noise_1 * fresh_noise(points, eta)
        return table


def fresh_noise(points: Points, eta: Numbers) -> Numbers:
    """sqrt(1 - r^{2 eta}), with the square root kept away from 0 where eta is 0."""
    power = np.where(points.unbounded, np.where(eta.real > 0, 1, 0), -np.expm1(-2 * eta * points.h))
    return np.where(power.real > 0, np.sqrt(np.where(power.real > 0, power, 1)), 0)
