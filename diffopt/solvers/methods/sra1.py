"""Roessler's SRA1."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.reverse_sde import ReverseSDE
from diffopt.solvers.rules.runge_kutta import runge_kutta
from diffopt.solvers.rules.tableau import Tableau
from diffopt.solvers.table import Table

SRA1_DRIFT = Tableau(a=((), (0.75,)), b=(1 / 3, 2 / 3), c=(0.0, 0.75))


class SRA1(ReverseSDE):
    """Stochastic Runge-Kutta for additive noise, strong order 1.5, order 2 in law.

    y* = y + (3/4) h K(y) + (3/2) b' J, y' = y + h (K(y)/3 + 2 K(y*)/3) + b J + b' (I - J), with b = sqrt B at
    the start and b' at the end, I = W_h, J = (1/h) int (h - s) dW = sqrt(h) (xi_1 + xi_2/sqrt 3)/2.
    Reference: Roessler (2010), SIAM J. Numer. Anal. 48, scheme SRA1.
    """

    name = "sra1"
    law_order = 2
    stages = 2
    reference = "Roessler 2010, SIAM J. Numer. Anal. 48, SRA1"
    lands_on_data = False
    kernels = ("clock", "clock_slope")

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows and two sources per step, eq. (76)."""

        def noise(first: Numbers, last: Numbers, h: Numbers) -> list[list[Numbers]]:
            half, skew = np.sqrt(h) / 2, np.sqrt(h) / np.sqrt(12)
            b, b_end = np.sqrt(first), np.sqrt(last)
            return [[1.5 * b_end * half, 1.5 * b_end * skew], [(b + b_end) * half, (b - b_end) * skew]]

        return runge_kutta(points, self.clock_of(points.process), SRA1_DRIFT, eta, noise)
