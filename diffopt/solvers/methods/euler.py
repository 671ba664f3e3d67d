"""Euler's method for the probability-flow ODE."""

from __future__ import annotations

from diffopt.solvers.rules.runge_kutta import ExplicitRungeKutta
from diffopt.solvers.rules.tableau import EULER


class Euler(ExplicitRungeKutta):
    """Euler in a clock; in the sigma clock it is k-diffusion's Euler, DDIM and DPM-Solver++(1).

    sigma clock: x' = D + (sigma'/sigma)(x - D). Other clocks: y' = y + h dy/du.
    Reference: Karras et al. (2022), arXiv:2206.00364, alg. 1 without the correction.
    """

    name = "euler"
    law_order = 1
    reference = "Karras et al. 2022, arXiv:2206.00364, alg. 1 (first order)"
    tableau = EULER
