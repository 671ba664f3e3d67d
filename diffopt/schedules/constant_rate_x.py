"""Constant rate of the denoiser output."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.density import DensitySchedule, Marginals


class ConstantRateX(DensitySchedule):
    """Constant speed of the denoiser output when data and noise are held fixed.

    E|dD/dsigma|^2 = sum eig^2/V^2 for x = x0 + sigma n with fixed (x0, n).

    Reference: Okada et al. 2024, arXiv:2411.12188, the constant-rate principle; metric and exponent 1 derived here.
    """

    name = "constant_rate_x"
    status = "derived"
    slow = True
    reference = "Okada et al. 2024, arXiv:2411.12188, the constant-rate principle; metric and exponent 1 derived here"
    formula = "density sqrt(sum eig^2/V^2)"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray(np.sqrt(m.sum((m.eig / m.variance) ** 2)))
