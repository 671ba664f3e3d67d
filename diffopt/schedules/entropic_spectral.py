"""Spectral rescaled entropic time."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.density import DensitySchedule, Marginals


class EntropicSpectral(DensitySchedule):
    """Rescaled entropic time with every direction normalised to one at sigma_max, then weighted by its amplitude.

    Integral: sum sqrt(eig) arctan(sigma/sqrt(eig))/arctan(smax/sqrt(eig)); the paper uses the Fourier
    basis, here it is the eigenbasis.

    Reference: Stancevic, Handke, Ambrogioni 2025, arXiv:2504.13612, spectral rescaled; eigenbasis derived here.
    """

    name = "entropic_spectral"
    status = "derived"
    slow = True
    reference = "Stancevic, Handke, Ambrogioni 2025, arXiv:2504.13612, spectral rescaled; eigenbasis derived here"
    formula = "density sum eig/(V arctan(smax/sqrt(eig)))"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray(m.sum(m.eig / m.variance / np.arctan2(m.sigma[-1, 0], np.sqrt(m.eig))))
