"""Heun's method for the reverse SDE."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.reverse_sde import ReverseSDE
from diffopt.solvers.rules.runge_kutta import runge_kutta
from diffopt.solvers.rules.tableau import HEUN
from diffopt.solvers.table import Table


class HeunSDE(ReverseSDE):
    """y* = y + h K(y) + dW, y' = y + h (K(y) + K(y*))/2 + dW with dW ~ N(0, h (B + B')/2) in both.

    Order 2 in law: the trapezoidal noise variance is what makes it so where B varies (theory.md, eq. 75).
    Reference: Kloeden and Platen (1992), sec. 15.1, additive noise; the variance of dW is derived here.
    """

    name = "heun_sde"
    law_order = 2
    stages = 2
    reference = "Kloeden, Platen 1992, sec. 15.1 (additive noise)"
    lands_on_data = False
    kernels = ("clock",)

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows and one source per step, eq. (75)."""

        def noise(first: Numbers, last: Numbers, h: Numbers) -> list[list[Numbers]]:
            root = np.sqrt(h * (first + last) / 2)
            return [[root], [root]]

        return runge_kutta(points, self.clock_of(points.process), HEUN, eta, noise)
