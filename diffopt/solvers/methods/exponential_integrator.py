"""Exponential integrator of the reverse SDE: linear part exact, score frozen."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.table import Table


class ExponentialIntegrator(Solver):
    """z' = (alpha'/alpha) z + a alpha' (I - I') S(z) + eta alpha' sqrt(sigma^2 - sigma'^2) xi.

    a = (1 + eta^2)/2 and I is the antiderivative of alpha in sigma^2 (theory.md, eq. 16); for a
    variance-preserving process with beta = 1 this is e^{h/2} z + 2 (e^{h/2} - 1) S + N(0, e^h - 1).
    Reference: Zhang and Chen (2023), arXiv:2204.13902, sec. 3.2 (score frozen, no extrapolation).
    """

    name = "exponential_integrator"
    law_order = 1
    reference = "Zhang, Chen 2023, arXiv:2204.13902, sec. 3.2"
    default_eta = 1.0
    eta_meaning = "reverse SDE"
    lands_on_data = False
    sees_process = True
    kernels = ("variance",)

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step, eq. (16)."""
        table = Table.zeros(points, sources=1)
        integral = points.process.score_integral(points.sigma, points.time)
        fall = integral[..., :-1] - integral[..., 1:]
        table.state[..., 0, 0] = points.alpha_1 / points.alpha_0
        table.score[..., 0, 0] = (1 + eta**2) / 2 * points.alpha_1 * fall
        variance = (points.sigma**2)[..., :-1] - (points.sigma**2)[..., 1:]
        table.noise[..., 0, 0] = eta * points.alpha_1 * np.sqrt(variance)
        return table
