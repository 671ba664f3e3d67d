"""Equal lengths of the path of marginals, and equal turns of the trajectory."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.schedules.spectral.density import DensitySchedule, Marginals


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


class Curvature(DensitySchedule):
    """Equal rotation of the sampling trajectory's direction: trajectory-geometry designs without torsion.

    The tangent is (sigma/sqrt V) per direction, its derivative eig/V^(3/2); the rate of rotation follows
    from A = sum sigma^2/V, B = sum eig^2/V^3, C = sum sigma eig/V^2. Blind to isotropic data.

    Reference: derived here; in the spirit of TORS, arXiv:2603.00763, whose rule also has torsion.
    """

    name = "curvature"
    status = "derived"
    slow = True
    reference = "derived here; in the spirit of TORS, arXiv:2603.00763, whose rule also has torsion"
    formula = "density sqrt(A B - C^2)/A"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        a = m.sum(m.sigma**2 / m.variance)
        b = m.sum(m.eig**2 / m.variance**3)
        c = m.sum(m.sigma * m.eig / m.variance**2)
        return np.asarray(np.sqrt(np.maximum(a * b - c**2, 0)) / a)
