"""DPM-Solver++(3M)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.adams import lower_at_the_end
from diffopt.solvers.rules.exponential import differences, first_order, phi_weights, step_ratio
from diffopt.solvers.table import Table

VARIANTS = ("diffusers", "k_diffusion")


@dataclass(frozen=True)
class DPMPP3M(Solver):
    """Three-step exponential multistep in half-log-SNR, with the order falling at both ends.

    x' = r x + (1 - r) D + phi_2 d_1 - phi_3 d_2, phi_2 = (e^{-h} - 1)/h + 1, phi_3 = phi_2/h - 1/2,
    d_1, d_2 the scaled divided differences of the last three outputs. As diffusers does by default
    (lower_order_final), fewer than 15 steps end with orders 2 and 1; a last step to 0 has order 1.
    The published recurrence takes half of the second derivative that an exact integration of a quadratic output
    needs (theory.md, eq. 17), and the first step is of order 1: the law's error falls like N^-2.
    Reference: Lu et al. (2022), arXiv:2211.01095, sec. 4.2; diffusers DPMSolverMultistepScheduler.

    Attributes
    ----------
    lower_order_final : bool
        Orders 2, 1 at the end of runs of fewer than 15 steps.
    variant : str
        `diffusers`: the second step is 2M's midpoint form; `k_diffusion`: it is r x + (1 - r) D + phi_2 d_1, as in
        sample_dpmpp_3m_sde at eta = 0, which never lowers the order at the end.
    """

    name: ClassVar[str] = "dpmpp_3m"
    law_order: ClassVar[int] = 2
    memory: ClassVar[int] = 2
    reference: ClassVar[str] = "Lu et al. 2022, arXiv:2211.01095; diffusers DPMSolverMultistepScheduler, solver_order=3"

    lower_order_final: bool = True
    variant: str = "diffusers"

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise InputError(f"solver 'dpmpp_3m' has the variants {', '.join(VARIANTS)}, got {self.variant!r}")

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading three denoiser outputs, eqs. (13) and (17)."""
        table = Table.zeros(points, lags=3)
        first_order(table, points)
        order = np.minimum(np.arange(1, points.steps + 1), 3)
        hosts = self.variant == "diffusers"
        if self.lower_order_final and hosts:
            order = lower_at_the_end(order)
        q0, q1 = step_ratio(points, 1), step_ratio(points, 2)
        phi_2, phi_3 = phi_weights(points.h)
        # (1 - r)/2 of the midpoint form where the order is 2; phi_2 elsewhere. A slope of ratio 0 has no weight.
        half = table.denoised[..., 0, 0] / 2
        rise = np.where((order == 2) & hosts, half, points.alpha_1 * phi_2)
        rise, bend = np.where((order > 1) & (q0 != 0), rise, 0), np.where((order > 2) & (q0 != 0), points.alpha_1 * phi_3, 0)
        second, third = differences(q0, np.where(order > 2, q1, 0))
        for lag, (a, b) in enumerate(zip(second, third, strict=True)):
            table.denoised[..., 0, lag] += rise * a - bend * b
        return table
