"""The classical Runge-Kutta method of order 4."""

from __future__ import annotations

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.runge_kutta import Tableau, runge_kutta
from diffopt.solvers.table import Table

RK4_TABLEAU = Tableau(
    a=((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)),
    b=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
    c=(0.0, 0.5, 0.5, 1.0),
)


class RK4(Solver):
    """Four stages per step in a clock; Euler on a last step to sigma = 0 (sigma clock).

    Reference: Kutta (1901); Hairer, Norsett, Wanner, Solving ODEs I, sec. II.1, table 1.2.
    """

    name = "rk4"
    order = 4
    cost = "4N - 3"
    reference = "Hairer, Norsett, Wanner 1993, Solving ODEs I, sec. II.1"
    uses_clock = True

    def table(self, points: Points, eta: Numbers) -> Table:
        """Four rows per step, eq. (14)."""
        return runge_kutta(points, self.clock_of(points.process), RK4_TABLEAU, 0 * eta)
