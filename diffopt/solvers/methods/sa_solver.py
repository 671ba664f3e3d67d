"""SA-Solver of order 1."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.table import Table


class SASolver(Solver):
    """Stochastic Adams of order 1: the exponential integrator of the reverse SDE of strength tau = eta.

    x' = D + r^{1 + tau^2} (x - D) + sigma' sqrt(1 - r^{2 tau^2}) xi with r = sigma'/sigma.
    tau = 0 is DDIM, tau = 1 the usual reverse SDE (stochastic DDIM).
    Reference: Xue et al. (2023), arXiv:2309.05019, eq. 14 with one step of memory.
    """

    name = "sa_solver"
    law_order = 1
    reference = "Xue et al. 2023, arXiv:2309.05019 (order 1)"
    default_eta = 1.0
    eta_meaning = "SA-Solver tau"

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step."""
        table = Table.zeros(points, sources=1)
        square = eta**2
        kept = np.where(square.real == 0, 1, np.where(points.unbounded, 0, np.exp(-square * points.h)))
        fresh = np.where(points.unbounded, np.where(square.real > 0, 1, 0), -np.expm1(-2 * square * points.h))
        down = kept * points.decay
        table.state[..., 0, 0] = down
        table.denoised[..., 0, 0] = points.alpha_1 - points.alpha_0 * down
        some = np.asarray(fresh.real > 0)
        table.noise[..., 0, 0] = points.noise_1 * np.where(some, np.sqrt(np.where(some, fresh, 1)), 0)
        return table
