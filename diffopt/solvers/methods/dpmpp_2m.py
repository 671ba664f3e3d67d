"""DPM-Solver++(2M)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import first_order, step_ratio
from diffopt.solvers.table import Table


@dataclass(frozen=True)
class DPMPP2M(Solver):
    """Two-step exponential multistep in half-log-SNR, midpoint form.

    x' = r x + (1 - r) [D + (D - D_prev) h/(2 h_prev)]; first step and a last step to 0 of order 1.
    Reference: Lu et al. (2022), arXiv:2211.01095, alg. 2; k-diffusion, sample_dpmpp_2m.

    Attributes
    ----------
    lower_order_final : bool
        A last step of order 1 in runs of fewer than 15 steps, whatever it ends at: diffusers' default, which
        differs from k-diffusion's only where the grid ends above 0.
    """

    name: ClassVar[str] = "dpmpp_2m"
    law_order: ClassVar[int] = 2
    memory: ClassVar[int] = 1
    reference: ClassVar[str] = "Lu et al. 2022, arXiv:2211.01095, alg. 2"

    lower_order_final: bool = False

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading two denoiser outputs, eq. (13)."""
        table = Table.zeros(points, lags=2)
        first_order(table, points)
        slope = table.denoised[..., 0, 0] * step_ratio(points) / 2
        if self.lower_order_final and points.steps < 15:
            slope[..., -1] = 0
        table.denoised[..., 0, 0] += slope
        table.denoised[..., 0, 1] -= slope
        return table
