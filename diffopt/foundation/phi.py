"""The phi functions of exponential integrators, accurate near 0 and for complex arguments."""

from __future__ import annotations

import math

import numpy as np

from diffopt.foundation.arrays import Numbers

#: Below this modulus the power series is used; TERMS of it reach double precision there.
NEAR, TERMS = 1.0, 20
#: The same for the derivative of phi1, whose quotient loses 2e-16/|x|.
SLOW, FEW = 0.1, 11


def phi1(x: Numbers) -> Numbers:
    """(exp(x) - 1)/x."""
    return _phi(x, 1)


def phi2(x: Numbers) -> Numbers:
    """(exp(x) - 1 - x)/x^2."""
    return _phi(x, 2)


def phi1_slope(x: Numbers, grown: Numbers, one: Numbers) -> Numbers:
    """Derivative of phi1 at real x, given exp(x) and phi1(x): (exp(x) - phi1(x))/x (theory.md, eq. 402)."""
    near = np.abs(x) < SLOW
    value = np.divide(grown - one, x, out=np.zeros_like(x), where=~near)
    if near.any():
        few, total = x[near], np.zeros(int(near.sum()))
        for k in reversed(range(FEW)):
            total *= few
            total += (k + 1) / math.factorial(k + 2)
        value[near] = total
    return value


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
