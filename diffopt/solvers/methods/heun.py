"""Heun's method for the probability-flow ODE."""

from __future__ import annotations

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.runge_kutta import Tableau, runge_kutta
from diffopt.solvers.table import Table

HEUN = Tableau(a=((), (1.0,)), b=(0.5, 0.5), c=(0.0, 1.0))


class Heun(Solver):
    """Trapezoidal predictor-corrector; Euler on a last step to sigma = 0 (sigma clock).

    y* = y + h K(y), y' = y + h (K(y) + K(y*))/2.
    Reference: Karras et al. (2022), arXiv:2206.00364, alg. 1.
    """

    name = "heun"
    order = 2
    cost = "2N - 1"
    reference = "Karras et al. 2022, arXiv:2206.00364, alg. 1"
    uses_clock = True

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows per step, eq. (14)."""
        return runge_kutta(points, self.clock_of(points.process), HEUN, 0 * eta)
