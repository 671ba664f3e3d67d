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
    x = np.asarray(x)
    if order == 1 and not np.iscomplexobj(x):
        # expm1 loses nothing near 0; the imaginary part of a complex quotient would.
        return np.divide(np.expm1(x), x, out=np.ones_like(x, dtype=float), where=x != 0)
    small = np.abs(x) < NEAR
    value = np.empty(x.shape, np.result_type(x, float))
    value[small], value[~small] = _series(x[small], order), _far(x[~small], order)
    return value


def _series(x: Numbers, order: int) -> Numbers:
    series = np.full_like(x, 1 / math.factorial(TERMS + order), dtype=np.result_type(x, float))
    for k in reversed(range(TERMS)):
        series = series * x + 1 / math.factorial(k + order)
    return series


def _far(x: Numbers, order: int) -> Numbers:
    value = np.expm1(x) / x
    return (value - 1) / x if order == 2 else value
