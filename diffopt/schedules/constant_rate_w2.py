"""Constant rate of the marginal."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.density import DensitySchedule, Marginals


class ConstantRateW2(DensitySchedule):
    """Constant speed of the marginal in the 2-Wasserstein metric, the Gaussian stand-in for an FID between levels.

    (d sqrt V/dsigma)^2 summed over directions is sum sigma^2/V.

    Reference: Okada et al. 2024, arXiv:2411.12188, the constant-rate principle; metric and exponent 1 derived here.
    """

    name = "constant_rate_w2"
    status = "derived"
    slow = True
    reference = "Okada et al. 2024, arXiv:2411.12188, the constant-rate principle; metric and exponent 1 derived here"
    formula = "density sqrt(sum sigma^2/V)"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray(np.sqrt(m.sum(m.sigma**2 / m.variance)))
