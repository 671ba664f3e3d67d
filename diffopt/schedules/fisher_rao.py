"""Fisher-Rao length."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.density import DensitySchedule, Marginals


class FisherRao(DensitySchedule):
    """Equal Fisher-Rao length of the path of marginals; also the limit of the best grid for Euler-Maruyama.

    The speed of N(0, V) is sqrt(sum (dV)^2/(2 V^2)) = sqrt(sum 2 sigma^2/V^2).

    Reference: derived here; Rao 1945; path KL of Euler-Maruyama in the noise-ratio picture.
    """

    name = "fisher_rao"
    status = "derived"
    slow = True
    reference = "derived here; Rao 1945; path KL of Euler-Maruyama in the noise-ratio picture"
    formula = "density sqrt(sum 2 sigma^2/V^2)"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray(m.sigma[:, 0] * np.sqrt(2 * m.sum(m.variance**-2.0)))
