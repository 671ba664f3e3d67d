"""Equal local error of an adaptive Euler-Maruyama pair."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.controller import Controller
from diffopt.schedules.density import Marginals


class AdaptiveSDE(Controller):
    """Where an error-controlled reverse-SDE sampler puts its steps in the limit of small steps.

    Euler-Maruyama against improved Euler with the same noise, in the variance clock: their difference
    is (1/2) dv^(3/2) xi/V, so its mean square is sum 2 sigma^3/V^2 |dsigma|^3. The controller divides it
    by max(0.0078, eps_rel rms(x)); eps_rel is the one for which the count of steps is N.
    Reference: derived here after Jolicoeur-Martineau et al. 2021, arXiv:2105.14080.
    """

    name = "adaptive_sde"
    slow = True
    reference = "derived here after Jolicoeur-Martineau et al. 2021, arXiv:2105.14080"
    formula = "density (sum 2 sigma^3/V^2 / tolerance^2)^(1/3), tolerance max(0.0078, eps_rel rms(x))"
    order = 1.5

    def error(self, m: Marginals) -> Array:
        """Root mean square error of a step of unit length, shape (G,)."""
        return np.asarray(np.sqrt(2 * m.sigma[:, 0] ** 3 * m.sum(m.variance**-2.0) / m.weight.sum()))
