"""ComfyUI's and stable-diffusion.cpp's schemes under k-diffusion's names, which on flow models step in s.

Both hosts hand k-diffusion's loops the flow time s where the loops expect sigma = s/(1 - s). Schemes that only
see the ratio of noise scales (Euler) are not changed by this; the others become schemes of their own
(theory.md, eqs. 200 to 202). On every other process the schemes are k-diffusion's.
"""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.methods.ancestral import ancestral_table
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
        if points.process.name != "flow":
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


class ComfyEulerAncestral(Solver):
    """Ancestral Euler with its down step in s on flow models (ComfyUI's euler_ancestral_RF).

    s_d = s' [1 - eta (1 - s'/s)], z_d = (s_d/s) z + (1 - s_d/s) D,
    z' = (1 - s')/(1 - s_d) z_d + sqrt(s'^2 - s_d^2 (1 - s')^2/(1 - s_d)^2) xi.
    Reference: ComfyUI, sample_euler_ancestral_RF; diffusers, LTXEulerAncestralRFScheduler.
    """

    name = "comfy_euler_ancestral"
    law_order = 1
    reference = "ComfyUI, sample_euler_ancestral_RF"
    sees_process = True
    default_eta = 1.0
    eta_meaning = "ancestral, in s on flow models"

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step, eq. (201)."""
        if points.process.name != "flow":
            return ancestral_table(points, eta)
        table = Table.zeros(points, sources=1)
        down = points.noise_1 * (1 - eta * (1 - points.decay))
        shrink = points.alpha_1 / (1 - down)
        keep = down / points.noise_0
        table.state[..., 0, 0] = shrink * keep
        table.denoised[..., 0, 0] = shrink * (1 - keep)
        fresh = points.noise_1**2 - (down * shrink) ** 2
        positive = np.asarray(fresh.real > 0) & np.asarray(eta.real > 0)
        table.noise[..., 0, 0] = np.where(positive, np.sqrt(np.where(positive, fresh, 1)), 0)
        return table


class ComfyDPM2(Solver):
    """DPM-Solver-2 with its midpoint and its step in s on flow models (in sigma elsewhere).

    With v = s (or sigma): v_m = sqrt(v v'), y_m = y + (v_m - v)(y - D)/v, y' = y + (v' - v)(y_m - D(y_m))/v_m;
    Euler on a last step to 0. y = z on flow models, z/alpha elsewhere.
    Reference: k-diffusion, sample_dpm_2 without churn.
    """

    name = "comfy_dpm_2"
    law_order = 2
    stages = 2
    reference = "k-diffusion, sample_dpm_2; on flow models in s"
    sees_process = True

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows per step, eq. (202)."""
        table = Table.zeros(points, rows=2, lags=2)
        flow = points.process.name == "flow"
        v = points.noise if flow else points.sigma
        last = np.asarray(v[..., 1:].real == 0)
        v_0, v_1 = v[..., :-1], np.where(last, v[..., :-1] / 2, v[..., 1:])
        middle = np.where(last, 0, np.sqrt(v_0 * v_1))
        sigma_m = middle / (1 - middle) if flow else middle
        alpha_m, level_m = points.process.levels(sigma_m, points.process.time(sigma_m))
        table.put_node(0, alpha_m, level_m)
        scale_0, scale_m, scale_1 = (1, 1, 1) if flow else (points.alpha_0, alpha_m, points.alpha_1)
        table.state[..., 0, 0] = middle / v_0 * scale_m / scale_0
        table.denoised[..., 0, 0] = (1 - middle / v_0) * scale_m
        slope = (v_1 - v_0) / np.where(last, 1, middle)
        table.state[..., 1, 1] = np.where(last, 0, scale_1 / scale_0)
        table.state[..., 1, 0] = np.where(last, 1, slope * scale_1 / scale_m)
        table.denoised[..., 1, 0] = np.where(last, 0, -slope * scale_1)
        return table
