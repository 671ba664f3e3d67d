"""Euler-Maruyama for the reverse SDE."""

from __future__ import annotations

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.reverse_sde import ReverseSDE
from diffopt.solvers.rules.runge_kutta import runge_kutta
from diffopt.solvers.rules.tableau import EULER
from diffopt.solvers.table import Table


class EulerMaruyama(ReverseSDE):
    """y' = y + h (drift of the reverse SDE) + sqrt(h rate) xi in a clock, diffusion coefficient eta.

    eta = 0 is Euler for the flow ODE in that clock, eta = 1 the usual reverse SDE.
    Reference: Song et al. (2021), arXiv:2011.13456, sec. 4.1; the family in eta: theory.md, eq. 5.
    """

    name = "euler_maruyama"
    law_order = 1
    reference = "Song et al. 2021, arXiv:2011.13456, sec. 4.1"
    lands_on_data = False
    kernels = ("clock",)

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step, eq. (14) with noise."""
        return runge_kutta(points, self.clock_of(points.process), EULER, eta)
