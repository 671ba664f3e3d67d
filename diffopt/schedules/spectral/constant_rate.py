"""Constant rate of the denoiser output."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.schedules.spectral.density import DensitySchedule, Marginals


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
