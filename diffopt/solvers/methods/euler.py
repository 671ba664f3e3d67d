"""Euler's method for the probability-flow ODE."""

from __future__ import annotations

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import first_order
from diffopt.solvers.rules.runge_kutta import Tableau, runge_kutta
from diffopt.solvers.table import Table

EULER = Tableau(a=((),), b=(1.0,), c=(0.0,))


class Euler(Solver):
    """Euler in a clock; in the sigma clock it is k-diffusion's Euler, DDIM and DPM-Solver++(1).

    sigma clock: x' = D + (sigma'/sigma)(x - D). Other clocks: y' = y + h dy/du.
    Reference: Karras et al. (2022), arXiv:2206.00364, alg. 1 without the correction.
    """

    name = "euler"
    order = 1
    reference = "Karras et al. 2022, arXiv:2206.00364, alg. 1 (first order)"
    uses_clock = True

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step; eq. (12) in the sigma clock, eq. (14) in the others."""
        clock = self.clock_of(points.process)
        if clock.name == "sigma":
            table = Table.zeros(points)
            first_order(table, points)
            return table
        return runge_kutta(points, clock, EULER, 0 * eta)
