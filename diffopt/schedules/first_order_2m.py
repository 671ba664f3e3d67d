"""The root-mean-square grid of the leading order of DPM-Solver++(2M)."""

from __future__ import annotations

from diffopt.density import Density, rms_density
from diffopt.schedules.base import Array
from diffopt.schedules.leading_order import LeadingOrder
from diffopt.spectrum import Spectrum


class FirstOrder2M(LeadingOrder):
    """Root-mean-square density for DPM-Solver++(2M), whose local error changes sign.

    rho ~ (sum w v kappa^2)^(1/6), kappa = eig (3 eig - 2 sigma^2)/(2 sigma (eig + sigma^2)^3)
    per |d sigma|^3 (theory.md, eqs. 64, 73).
    Reference: derived here.
    """

    name = "first_order_2m"
    solver = "dpmpp_2m"
    reference = "derived here; rms of the leading order of 2M"
    formula = "rho ~ (sum w v kappa^2)^(1/6)"

    def density(self, spectrum: Spectrum, high: float, low: float) -> Density:
        """Eq. (73)."""

        def kappa(s: Array, eig: Array) -> Array:
            return eig * (3 * eig - 2 * s**2) / (2 * s * (eig + s**2) ** 3)

        return rms_density(spectrum, kappa, 2, high, low)
