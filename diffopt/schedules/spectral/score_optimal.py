"""Score-optimal schedules, by the corrector's cost and by the predictor's."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.schedules.spectral.density import DensitySchedule, Marginals


class ScoreOptimalCorrector(DensitySchedule):
    """Equal change of the score between steps, weighted by sigma: the corrector cost of score-optimal schedules.

    A step costs sigma'^2 E|s' - s|^2 = sigma'^2 sum V (1/V' - 1/V)^2, so the density is the root of its
    second-order term.

    Reference: Williams et al. 2024, arXiv:2412.07877; Gaussian form derived here.
    """

    name = "score_corrector"
    status = "derived"
    slow = True
    reference = "Williams et al. 2024, arXiv:2412.07877; Gaussian form derived here"
    formula = "density 2 sigma^2 sqrt(sum V^-3)"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray(2 * m.sigma[:, 0] ** 2 * np.sqrt(m.sum(m.variance**-3.0)))


class ScoreOptimalPredictor(DensitySchedule):
    """Equal score error after one Euler step: the predictor cost of score-optimal schedules.

    With a = (eig + sigma sigma')/V a step costs sigma'^2 sum (a^2 V - V')^2/(a^2 V V'^2), which starts
    with the fourth power of the step; the predictor is taken to be one Euler step in sigma.

    Reference: Williams et al. 2024, arXiv:2412.07877; Gaussian form derived here, predictor read as one Euler step.
    """

    name = "score_predictor"
    status = "derived"
    slow = True
    reference = "Williams et al. 2024, arXiv:2412.07877; Gaussian form derived here, predictor read as one Euler step"
    formula = "density (sigma^2 sum eig^2/V^5)^(1/4)"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray((m.sigma[:, 0] ** 2 * m.sum(m.eig**2 * m.variance**-5.0)) ** 0.25)
