"""The grid that is optimal to leading order for Heun."""

from __future__ import annotations

from diffopt.density import Density, optimal_density
from diffopt.schedules.leading_order import LeadingOrder
from diffopt.spectrum import Spectrum


class FirstOrderHeun(LeadingOrder):
    """Optimal for Heun in the sigma clock.

    rho^3 ~ sum w v I eig sigma/(eig + sigma^2)^3, self-consistent (theory.md, eqs. 62, 70-72).
    Reference: derived here.
    """

    name = "first_order_heun"
    solver = "heun"
    reference = "derived here; leading order of Heun"
    formula = "rho^3 ~ sum w v I eig s/(eig + s^2)^3"

    def density(self, spectrum: Spectrum, high: float, low: float) -> Density:
        """kappa = eig sigma/(eig + sigma^2)^3, eq. (62)."""
        return optimal_density(spectrum, lambda s, eig: eig * s / (eig + s**2) ** 3, 2, high, low)
