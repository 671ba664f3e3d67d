"""SDE-DPM-Solver++(3M)."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.methods.dpmpp_2m_sde import fresh_noise
from diffopt.solvers.rules.exponential import differences, phi_weights, step_ratio
from diffopt.solvers.table import Table


class DPMPP3MSDE(Solver):
    """Three-step exponential multistep for the reverse SDE.

    x' = r^{1+eta} x + (1 - r^{1+eta}) D + phi_2 d_1 - phi_3 d_2 + sigma' sqrt(1 - r^{2 eta}) xi, with phi_2, phi_3 at
    (1 + eta) h and d_1, d_2 the scaled differences of the last three outputs; the second step leaves d_2 out.
    Here eta is k-diffusion's: the noise rate in half-log-SNR is 2 eta sigma^2, i.e. reverse-SDE coefficient sqrt(eta).
    Reference: k-diffusion 4601bf0, sample_dpmpp_3m_sde.
    """

    name = "dpmpp_3m_sde"
    law_order = 2
    memory = 2
    reference = "k-diffusion 4601bf0, sample_dpmpp_3m_sde"
    default_eta = 1.0
    eta_meaning = "SDE-DPM++"

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading three denoiser outputs, eq. (126)."""
        table = Table.zeros(points, lags=3, sources=1)
        # r^eta is 1 at eta = 0 also where r is 0, from pure noise.
        damping = np.where(points.unbounded, np.where(eta.real == 0, 1, 0), np.exp(-eta * points.h))
        down = damping * points.decay
        table.state[..., 0, 0] = down
        table.denoised[..., 0, 0] = points.alpha_1 - points.alpha_0 * down
        q0, q1 = step_ratio(points, 1), step_ratio(points, 2)
        phi_2, phi_3 = phi_weights((1 + eta) * points.h)
        second, third = differences(q0, q1)
        for lag, (a, b) in enumerate(zip(second, third, strict=True)):
            table.denoised[..., 0, lag] += np.where(q0 == 0, 0, points.alpha_1 * (phi_2 * a - phi_3 * b))
        table.noise[..., 0, 0] = points.noise_1 * fresh_noise(points, eta)
        return table
