"""Uniform in the time of a model with logistic rates."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule

#: Discrete rates of the published model and its number of levels.
LOW, HIGH, LEVELS = 1e-4, 0.02, 1000


class SigmoidBeta(Schedule):
    """Equal steps in the time of a model whose noise rate is a logistic curve (the continuous limit).

    beta(t) = 1000 (1e-4 + 0.0199 S(12 t - 6)), sigma^2 = exp(integral of beta) - 1, S logistic.
    Reference: GeoDiff (Xu et al. 2022), arXiv:2203.02923; diffusers, beta_schedule="sigmoid".
    """

    name = "sigmoid_beta"
    reference = 'diffusers, beta_schedule="sigmoid" (GeoDiff); continuous limit'
    formula = "log(1 + sigma^2) = 0.1 t + (19.9/12) (log(1+e^(12t-6)) - log(1+e^-6)), t linear"

    def levels(self, request: Request) -> Array:
        """Equally spaced times, found by interpolation of the increasing integral."""
        high, low = request.finite(self.name)
        node = np.linspace(0.0, 4.0, 40_001)
        total = LEVELS * (LOW * node + (HIGH - LOW) / 12 * (_softplus(12 * node - 6) - _softplus(-6.0)))
        t = np.interp(np.log1p(np.array([high, low]) ** 2), total, node)
        at = np.interp(t[0] + request.ramp() * (t[1] - t[0]), node, total)
        levels = np.sqrt(np.expm1(at))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)


def _softplus(x: Array | float) -> Array:
    return np.logaddexp(0.0, x)
