"""The phi functions of exponential integrators, accurate near 0 and for complex arguments."""

from __future__ import annotations

import math

import numpy as np

from diffopt.foundation.arrays import Numbers

#: Below this modulus the power series is used; TERMS of it reach double precision there.
NEAR, TERMS = 1.0, 20


def phi1(x: Numbers) -> Numbers:
    """(exp(x) - 1)/x."""
    return _phi(x, 1)


def phi2(x: Numbers) -> Numbers:
    """(exp(x) - 1 - x)/x^2."""
    return _phi(x, 2)


def _phi(x: Numbers, order: int) -> Numbers:
    small = np.abs(x) < NEAR
    near = np.where(small, x, 0.0)
    series = np.full_like(near, 1 / math.factorial(TERMS + order))
    for k in reversed(range(TERMS)):
        series = series * near + 1 / math.factorial(k + order)
    far = np.where(small, 1, x)
    value = np.expm1(far) / far
    if order == 2:
        value = (value - 1) / far
    return np.where(small, series, value)
