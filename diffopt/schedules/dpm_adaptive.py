"""Equal local error of k-diffusion's adaptive DPM-Solver."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.controller import Controller
from diffopt.schedules.density import Marginals

#: Step in log sigma with which the leading error coefficient of the pair is measured.
STEP = 0.02


class DPMAdaptive(Controller):
    """Where k-diffusion's dpm_adaptive puts its steps in the limit of small steps.

    The difference of DPM-Solver of order 2 (r1 = 1/3) and 3 (r1 = 1/3, r2 = 2/3), run on every
    eigenvalue over a short step h in log sigma, is C h^3; the controller divides it by
    max(0.0078, eps_rel rms(x)), and eps_rel is the one for which the count of steps is N.
    Reference: k-diffusion, DPMSolver.dpm_solver_adaptive (order 3); limit derived here.
    """

    name = "dpm_adaptive"
    slow = True
    reference = "k-diffusion, dpm_solver_adaptive (order 3); limit of small steps derived here"
    formula = "density (rms|x_2 - x_3|/h^3 / tolerance)^(1/3)/sigma, tolerance max(0.0078, eps_rel rms(x))"
    order = 3.0

    def error(self, m: Marginals) -> Array:
        """|x_2 - x_3| of a unit step in sigma: the coefficient in log sigma over sigma^3."""
        low, high = pair(m.sigma, m.eig, STEP)
        square = m.sum((low - high) ** 2 * m.variance) / m.weight.sum()
        return np.asarray(np.sqrt(square) / (STEP * m.sigma[:, 0]) ** 3)


def pair(sigma: Array, eig: Array, h: float) -> tuple[Array, Array]:
    """Factors by which the two solvers multiply a coordinate over a step h, shape (G, n) each."""
    third, two, end = (sigma * np.exp(-h * r) for r in (1 / 3, 2 / 3, 1.0))
    eps = sigma / (eig + sigma**2)
    u1 = 1 - third * np.expm1(h / 3) * eps
    d1 = third / (eig + third**2) * u1 - eps
    low = 1 - end * np.expm1(h) * (eps + 1.5 * d1)
    u2 = 1 - two * (np.expm1(2 * h / 3) * eps + 2 * (np.expm1(2 * h / 3) / (2 * h / 3) - 1) * d1)
    d2 = two / (eig + two**2) * u2 - eps
    high = 1 - end * (np.expm1(h) * eps + 1.5 * (np.expm1(h) / h - 1) * d2)
    return low, high
