"""Entropic time, as it is, rescaled, and by direction."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.schedules.spectral.density import DensitySchedule, Marginals


class Entropic(DensitySchedule):
    """Equal loss of conditional entropy H[x0 | x_sigma] in every step.

    dH/dsigma = m/sigma^3 with m = sum eig sigma^2/V, the least mean squared error.

    Reference: Stancevic, Handke, Ambrogioni 2025, arXiv:2504.13612, entropic time.
    """

    name = "entropic"
    status = "read"
    slow = True
    reference = "Stancevic, Handke, Ambrogioni 2025, arXiv:2504.13612, entropic time"
    formula = "density (sum eig/V)/sigma"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray(m.sum(m.eig / m.variance) / m.sigma[:, 0])


class EntropicRescaled(DensitySchedule):
    """Conditional entropy lost per step, weighted by sigma: the authors' better entropic time.

    sigma dH/dsigma = sum eig/V, whose integral is sum sqrt(eig) arctan(sigma/sqrt(eig)): for one
    eigenvalue the tangent law.

    Reference: Stancevic, Handke, Ambrogioni 2025, arXiv:2504.13612, rescaled entropic time.
    """

    name = "entropic_rescaled"
    status = "read"
    slow = True
    reference = "Stancevic, Handke, Ambrogioni 2025, arXiv:2504.13612, rescaled entropic time"
    formula = "density sum eig/V"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray(m.sum(m.eig / m.variance))


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
