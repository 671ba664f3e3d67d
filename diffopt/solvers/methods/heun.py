"""Heun's method for the probability-flow ODE."""

from __future__ import annotations

from diffopt.solvers.rules.runge_kutta import ExplicitRungeKutta
from diffopt.solvers.rules.tableau import HEUN


class Heun(ExplicitRungeKutta):
    """Trapezoidal predictor-corrector; Euler on a last step to sigma = 0 (sigma clock).

    y* = y + h K(y), y' = y + h (K(y) + K(y*))/2.
    Reference: Karras et al. (2022), arXiv:2206.00364, alg. 1.
    """

    name = "heun"
    law_order = 2
    reference = "Karras et al. 2022, arXiv:2206.00364, alg. 1"
    tableau = HEUN
