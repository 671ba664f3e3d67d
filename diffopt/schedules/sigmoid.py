"""Uniform in the time of the sigmoid model."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from diffopt.schedules.base import Array, Request, Schedule

#: Start and end of the logistic curve.
START, END = -3.0, 3.0


class Sigmoid(Schedule):
    """Equal steps in the time of the sigmoid noise schedule, logistic in the squared signal scale.

    alpha^2 = (S(b) - S(a + t(b - a)))/(S(b) - S(a)), S logistic, (a, b) = (-3, 3), temperature 1.
    Reference: Chen (2023), arXiv:2301.10972, sec. 3.1 and its listing (defaults).
    """

    name = "sigmoid"
    reference = "Chen 2023, arXiv:2301.10972; Jabri et al. 2023, arXiv:2212.11972 (start -3, end 3, tau 1)"
    formula = "alpha^2 = (S(3) - S(6t-3)) / (S(3) - S(-3)), S logistic, t linear"

    def levels(self, request: Request) -> Array:
        """Equally spaced times, found by the logistic's inverse."""
        high, low = request.finite(self.name)
        top, drop = expit(END), expit(END) - expit(START)
        square = 1 / (1 + np.array([high, low]) ** 2)
        x = logit(top - square * drop)
        noise = (expit(x[0] + request.ramp() * (x[1] - x[0])) - expit(START)) / drop
        levels = np.sqrt(noise / (1 - noise))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)
