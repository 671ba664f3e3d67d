"""The classical Runge-Kutta method of order 4."""

from __future__ import annotations

from diffopt.solvers.rules.runge_kutta import ExplicitRungeKutta
from diffopt.solvers.rules.tableau import Tableau


class RK4(ExplicitRungeKutta):
    """Four stages per step in a clock; Euler on a last step to sigma = 0 (sigma clock).

    Reference: Kutta (1901); Hairer, Norsett, Wanner, Solving ODEs I, sec. II.1, table 1.2.
    """

    name = "rk4"
    law_order = 4
    reference = "Hairer, Norsett, Wanner 1993, Solving ODEs I, sec. II.1"
    tableau = Tableau(
        a=((), (1 / 2,), (0, 1 / 2), (0, 0, 1)),
        b=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
        c=(0, 1 / 2, 1 / 2, 1),
    )
