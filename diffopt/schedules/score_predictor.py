"""Score-optimal schedule, predictor cost."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.density import DensitySchedule, Marginals


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
