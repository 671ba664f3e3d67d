"""DPM-Solver++(2M) as ComfyUI and stable-diffusion.cpp run it: on flow models in s.

Both hosts hand k-diffusion's loop the flow time s where it expects sigma = s/(1 - s) (theory.md, section 28). Euler is not
changed by this, Heun and DPM-Solver-2 become those of the clock `time`, ancestral Euler is `flow_ancestral`.
"""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.methods.dpmpp_2m import DPMPP2M
from diffopt.solvers.rules.exponential import first_order
from diffopt.solvers.table import Table


class ComfyDPMPP2M(Solver):
    """DPM-Solver++(2M) whose slope is taken in -log s on flow models.

    z' = (s'/s) z + (1 - s'/s) [D + (D - D_prev) h/(2 h_prev)] with h = log(s/s'), finite also at s = 1.
    Reference: ComfyUI, comfy/k_diffusion/sampling.py, sample_dpmpp_2m; stable-diffusion.cpp, denoiser.hpp.
    """

    name = "comfy_dpmpp_2m"
    law_order = 2
    memory = 1
    reference = "ComfyUI, sample_dpmpp_2m on flow models"
    sees_process = True

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading two denoiser outputs, eq. (200)."""
        if not points.process.flow:
            return DPMPP2M().table(points, eta)
        table = Table.zeros(points, lags=2)
        first_order(table, points)
        last = np.asarray(points.noise_1.real == 0)
        h = -np.log(np.where(last, 1.0, points.decay))
        slope = np.zeros_like(h)
        slope[..., 1:] = h[..., 1:] / h[..., :-1]
        slope = table.denoised[..., 0, 0] * slope / 2
        table.denoised[..., 0, 0] += slope
        table.denoised[..., 0, 1] -= slope
        return table
