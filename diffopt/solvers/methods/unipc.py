"""UniPC of order 2 with B(h) = e^h - 1."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import first_order, step_ratio
from diffopt.solvers.table import Table


class UniPC(Solver):
    """Predictor of DPM-Solver++(2M), corrector that re-solves the step with the new output.

    Predicted state P, corrected state C; the model is called at P only. With E = 1 - e^{-h}:
    P' = r C + E [D + (D - D_prev) h/(2 h_prev)],  C' = r C + E [D + rho_1 (D_prev - D)/s + rho_2 (D' - D)],
    s = -h_prev/h, rho_1 + rho_2 = b_1 = 1/E - 1/h, s rho_1 + rho_2 = b_2 = 1/E - 2 b_1/h (theory.md, eq. 18).
    Orders 1, 2, ..., 2, 1; no correction after the last step.
    Reference: Zhao et al. (2023), arXiv:2302.04867, alg. 5-8 (bh2); diffusers UniPCMultistepScheduler.
    """

    name = "unipc"
    law_order = 2
    memory = 1
    reference = "Zhao et al. 2023, arXiv:2302.04867 (bh2, order 2)"

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows per step: predictor and corrector, eq. (18)."""
        # Node order: P_0 = C_0, then P_1, C_1, P_2, C_2, ...: a predictor reads C (lag 0), D(P) (lag 1),
        # D(P_prev) (lag 3); a corrector reads D(P') (lag 0), C (lag 1), D(P) (lag 2), D(P_prev) (lag 4).
        table = Table.zeros(points, rows=2, lags=5)
        gain = points.alpha_1 - points.alpha_0 * points.decay
        order = np.minimum(np.arange(1, points.steps + 1), 2)
        order[-1] = 1
        slope = np.where(order == 2, step_ratio(points), 0)
        _predict(table, points, gain, slope)
        _correct(table, points, gain, slope, order == 2)
        _start(table)
        return table


def _predict(table: Table, points: Points, gain: Numbers, slope: Numbers) -> None:
    first_order(table, points)
    table.denoised[..., 0, 1] = gain * (1 + slope / 2)
    table.denoised[..., 0, 3] = -gain * slope / 2
    table.denoised[..., 0, 0] = 0


def _correct(table: Table, points: Points, gain: Numbers, slope: Numbers, second: np.ndarray) -> None:
    """Corrector weights of eq. (18); slope = h/h_prev = -1/s is 0 at order 1 and after pure noise."""
    h = points.h
    growth = -np.expm1(-h)
    b_1 = 1 / growth - 1 / h
    b_2 = 1 / growth - 2 * b_1 / h
    # rho_1 = (b_1 - b_2)/(1 - s) with s = -1/slope: 0 after pure noise, where rho_2 = b_1.
    rho_1 = np.where(second, (b_1 - b_2) * slope / (1 + slope), 0)
    rho_2 = np.where(second, b_1 - rho_1, 0.5)
    old = -rho_1 * slope
    table.state[..., 1, 1] = points.decay
    table.denoised[..., 1, 0] = gain * rho_2
    table.denoised[..., 1, 2] = gain * (1 - rho_2 - old)
    table.denoised[..., 1, 4] = gain * old
    for array in (table.state, table.denoised):
        array[..., -1, 1, :] = 0
    table.state[..., -1, 1, 0] = 1


def _start(table: Table) -> None:
    """At the first steps the start stands for P_0: its output moves from lag l to the lag of node 0."""
    table.denoised[..., 0, 0, 0] = table.denoised[..., 0, 0, 1]
    table.denoised[..., 0, 0, 1] = 0
    if table.steps > 1:
        table.denoised[..., 0, 1, 1] += table.denoised[..., 0, 1, 2]
        table.denoised[..., 0, 1, 2] = 0
        table.denoised[..., 1, 0, 2] = table.denoised[..., 1, 0, 3]
        table.denoised[..., 1, 0, 3] = 0
        table.denoised[..., 1, 1, 3] = table.denoised[..., 1, 1, 4]
        table.denoised[..., 1, 1, 4] = 0
