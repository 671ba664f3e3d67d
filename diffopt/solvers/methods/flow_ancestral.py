"""Ancestral Euler with its step down in rectified-flow time."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.table import Table


class FlowAncestral(Solver):
    """The rectified-flow form of ancestral Euler on any process, by its flow time s = sigma/(1 + sigma).

    s_d = s' [1 - eta (1 - s'/s)], down = s_d/(1 - s_d); x' = D + (down/sigma)(x - D) + sqrt(sigma'^2 - down^2) xi.
    On `flow` it is the recurrence of ComfyUI's euler_ancestral_RF and of diffusers' LTXEulerAncestralRFScheduler.
    Reference: ComfyUI 57b0f50, sample_euler_ancestral_RF; diffusers, LTXEulerAncestralRFScheduler.
    """

    name = "flow_ancestral"
    law_order = 1
    reference = "ComfyUI 57b0f50, sample_euler_ancestral_RF; diffusers, LTXEulerAncestralRFScheduler"
    default_eta = 1.0
    eta_meaning = "ancestral, in flow time"
    scale_free = False

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step, eq. (201) in the noise-ratio picture."""
        table = Table.zeros(points, sources=1)
        finite = np.isfinite(points.sigma.real)
        sigma = np.where(finite, points.sigma, 1)
        s = np.where(finite, sigma / (1 + sigma), 1)
        lower = s[..., 1:] * (1 - eta * (1 - s[..., 1:] / s[..., :-1]))
        down = np.where(points.noise_1.real == 0, 0, lower / (1 - lower) / np.where(sigma[..., 1:] == 0, 1, sigma[..., 1:]))
        keep = down * points.decay
        table.state[..., 0, 0] = keep
        table.denoised[..., 0, 0] = points.alpha_1 - points.alpha_0 * keep
        fresh = 1 - down**2
        some = np.asarray(fresh.real > 0) & np.asarray(np.broadcast_to(eta.real > 0, fresh.shape)) & (points.noise_1.real > 0)
        table.noise[..., 0, 0] = points.noise_1 * np.where(some, np.sqrt(np.where(some, fresh, 1)), 0)
        return table
