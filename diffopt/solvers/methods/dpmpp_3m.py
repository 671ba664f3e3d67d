"""DPM-Solver++(3M)."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import first_order, step_ratio
from diffopt.solvers.table import Table


class DPMPP3M(Solver):
    """Three-step exponential multistep in half-log-SNR, with the order falling at both ends.

    x' = r x + (1 - r) D + phi_2 d_1 - phi_3 d_2, phi_2 = (e^{-h} - 1)/h + 1, phi_3 = phi_2/h - 1/2,
    d_1, d_2 the scaled divided differences of the last three outputs. As diffusers does by default
    (lower_order_final), fewer than 15 steps end with orders 2 and 1; a last step to 0 has order 1.
    A step from three exact outputs is of order 3, but the first step, of order 1, leaves an error h^2:
    the law's error falls like N^-2.
    Reference: Lu et al. (2022), arXiv:2211.01095, sec. 4.2; diffusers DPMSolverMultistepScheduler.
    """

    name = "dpmpp_3m"
    law_order = 2
    memory = 2
    reference = "Lu et al. 2022, arXiv:2211.01095; diffusers DPMSolverMultistepScheduler, solver_order=3"

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading three denoiser outputs, eqs. (13) and (17)."""
        table = Table.zeros(points, lags=3)
        first_order(table, points)
        order = np.minimum(np.arange(1, points.steps + 1), 3)
        if points.steps < 15:
            order[-1] = 1
            order[-2:-1] = np.minimum(order[-2:-1], 2)
        q0, q1 = step_ratio(points, 1), step_ratio(points, 2)
        second = np.where(order == 2, table.denoised[..., 0, 0] * q0 / 2, 0)
        table.denoised[..., 0, 0] += second
        table.denoised[..., 0, 1] -= second
        for lag, weight in enumerate(_third(points, q0, q1)):
            table.denoised[..., 0, lag] += np.where(order == 3, weight, 0)
        return table


def _third(points: Points, q0: Numbers, q1: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Weights of the last three outputs in alpha' (phi_2 d_1 - phi_3 d_2), eq. (17); q_i = h / h_{-1-i}."""
    h = points.h
    phi_2 = points.alpha_1 * np.where(q0 == 0, 0, np.expm1(-h) / h + 1)
    phi_3 = np.where(q0 == 0, 0, phi_2 / h - points.alpha_1 / 2)
    total = np.where(q0 + q1 == 0, 1, q0 + q1)
    mix = q1 / total
    # d_1 = u + mix (u - v), d_2 = q0 mix (u - v) with u = q0 (D - D_1), v = q1 (D_1 - D_2).
    on_u = phi_2 * (1 + mix) - phi_3 * q0 * mix
    on_v = -(phi_2 * mix - phi_3 * q0 * mix)
    return on_u * q0, -on_u * q0 + on_v * q1, -on_v * q1
