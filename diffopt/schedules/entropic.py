"""Entropic time."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.density import DensitySchedule, Marginals


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
