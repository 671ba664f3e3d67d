"""Constant rate of the noise prediction."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.density import DensitySchedule, Marginals


class ConstantRateEps(DensitySchedule):
    """Constant speed of the noise prediction when data and noise are held fixed.

    E|d eps/dsigma|^2 = sum eig/V^2 for x = x0 + sigma n with fixed (x0, n).

    Reference: Okada et al. 2024, arXiv:2411.12188, the constant-rate principle; metric and exponent 1 derived here.
    """

    name = "constant_rate_eps"
    status = "derived"
    slow = True
    reference = "Okada et al. 2024, arXiv:2411.12188, the constant-rate principle; metric and exponent 1 derived here"
    formula = "density sqrt(sum eig/V^2)"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray(np.sqrt(m.sum(m.eig / m.variance**2)))
