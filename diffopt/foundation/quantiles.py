"""Quantiles of the normal and of the beta law, by Newton's method on the logarithm of the distribution function.

Written here because importing `scipy.special` takes longer than most searches: a third of a second of a command.
Logarithms of both distribution functions are concave (docs/theory.md, section 9), so the method converges from anywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from diffopt.foundation.arrays import Array

#: Iterations that no quantile needs, and the step after whose square nothing is left.
MOST, SMALL = 100, 1e-8
#: Below this the tail of the normal law is its asymptotic series, whose terms these are.
FAR, SERIES = -20.0, (1.0, -1.0, 3.0, -15.0, 105.0, -945.0, 10395.0)


def logistic(x: ArrayLike) -> Array:
    """1 / (1 + exp(-x))."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(x, dtype=np.float64)))


def normal_share(x: ArrayLike) -> Array:
    """Distribution function of the normal law, precise in the lower tail."""
    values = np.asarray(x, dtype=np.float64)
    return np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in values.ravel()]).reshape(values.shape)


def normal_quantile(share: ArrayLike) -> Array:
    """Inverse of :func:`normal_share`."""
    values = np.asarray(share, dtype=np.float64)
    return np.array([-_below(1 - p) if p > 0.5 else _below(p) for p in values.ravel()]).reshape(values.shape)


def _below(share: float) -> float:
    """Quantile of a share of at most a half, from the left of it: exp(-x^2/2) is above the share at x."""
    if not share > 0:
        return -math.inf
    wanted = math.log(share)
    x = -math.sqrt(-2 * wanted)
    for _ in range(MOST):
        value = _log_share(x)
        step = (wanted - value) * math.exp(value + x * x / 2) * math.sqrt(2 * math.pi)
        x += step
        if abs(step) <= SMALL:
            break
    return x


def _log_share(x: float) -> float:
    if x > FAR:
        return math.log(math.erfc(-x / math.sqrt(2)) / 2)
    series = sum(term * x ** (-2 * k) for k, term in enumerate(SERIES))
    return -x * x / 2 - math.log(-x * math.sqrt(2 * math.pi)) + math.log(series)


def beta_quantile(a: float, b: float, share: ArrayLike) -> Array:
    """Quantiles of the law Beta(a, b), from the end that is nearer."""
    p = np.asarray(share, dtype=np.float64)
    # Where the continued fraction of one end takes as long as that of the other.
    middle = math.log((a + 1) / (b + 1))
    low = p <= math.exp(_beta(a, b, np.array([middle]))[0][0])
    x = np.empty(p.shape)
    x[low] = _from_zero(a, b, p[low], middle)
    x[~low] = 1 - _from_zero(b, a, 1 - p[~low], -middle)
    return x


def _from_zero(a: float, b: float, share: Array, middle: float) -> Array:
    """Quantiles with logits below `middle`, precise near 0."""
    if not share.size:
        return share
    wanted = np.log(np.maximum(share, 5e-324))
    # Next to 0 the law is a power.
    u = np.minimum(middle, (wanted + math.log(a) + _log_beta(a, b)) / a)
    for _ in range(MOST):
        value, slope = _beta(a, b, u)
        step = (wanted - value) / slope
        u = np.minimum(u + step, middle)
        if np.all(np.abs(step) <= SMALL):
            break
    return np.where(share > 0, logistic(u), 0.0)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _beta(a: float, b: float, u: Array) -> tuple[Array, Array]:
    """Logarithm of I_x(a, b) and its derivative by u, x = 1 / (1 + exp(-u)): DLMF, section 8.17, from its far end."""
    x = logistic(u)
    root = min(math.sqrt(float(logistic(-np.max(u)))), 0.999)
    # Levels beyond the parameters change the fraction by a factor of exp(-2 artanh sqrt(1 - x)) less each.
    depth = 6 + int(19 / math.atanh(root)) + int(3 * math.sqrt(max(a, b)))
    rest = np.ones_like(x)
    for m in range(depth, -1, -1):
        if m < depth:
            rest = 1 + (m + 1) * (b - m - 1) * x / ((a + 2 * m + 1) * (a + 2 * m + 2)) / rest
        rest = 1 - (a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) / rest
    power = -a * np.logaddexp(0.0, -u) - b * np.logaddexp(0.0, u)
    return power - math.log(a) - _log_beta(a, b) - np.log(rest), a * rest
