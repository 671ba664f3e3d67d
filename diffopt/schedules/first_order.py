"""The grid that is optimal to leading order for Euler."""

from __future__ import annotations

from diffopt.density import Density, optimal_density
from diffopt.schedules.leading_order import LeadingOrder
from diffopt.spectrum import Spectrum


class FirstOrder(LeadingOrder):
    """Optimal for Euler in the sigma clock (DDIM): the multi-eigenvalue tangent law.

    rho^2 ~ sum w v I eig/(eig + sigma^2)^2, self-consistent (theory.md, eqs. 70-72). For one eigenvalue
    it is uniform in arctan(sigma/sqrt(eig)), exactly optimal at every N (eq. 38).
    Reference: derived here.
    """

    name = "first_order"
    solver = "euler"
    reference = "derived here; leading order of DDIM/Euler"
    formula = "rho^2 ~ sum w v I eig/(eig + s^2)^2"

    def density(self, spectrum: Spectrum, high: float, low: float) -> Density:
        """kappa = eig/(eig + sigma^2)^2, eq. (61)."""
        return optimal_density(spectrum, lambda s, eig: eig / (eig + s**2) ** 2, 1, high, low)
