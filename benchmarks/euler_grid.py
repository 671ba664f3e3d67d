"""The exact error of Euler steps on Gaussian data, and its best grid; shares no code with diffopt.

Noise ratio sigma, x = x0 + sigma n, started from the exact marginal at sigma_max, last step to 0. One
Euler step from s to t multiplies the direction of eigenvalue lam by (lam + s t) / (lam + s^2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]
SIGMA_MAX, SIGMA_MIN = 80.0, 0.002


def gains(eig: Array, sigmas: Array) -> Array:
    """Product of the step factors for each eigenvalue, shape (n,)."""
    s, t = sigmas[:-1], sigmas[1:]
    return np.prod((eig[:, None] + s * t) / (eig[:, None] + s * s), axis=1)


def frechet(eig: Array, weight: Array, sigmas: Array) -> float:
    """2-Wasserstein distance of the output from the data."""
    out = np.sqrt(eig + sigmas[0] ** 2) * gains(eig, sigmas)
    return float(np.sqrt(weight @ (out - np.sqrt(eig)) ** 2))


def sigmas_of(free: Array) -> Array:
    """Grid of log-decrements: sigma_max, then the free points, then 0."""
    inner = np.log(SIGMA_MAX) - np.cumsum(np.exp(free))
    return np.concatenate([[SIGMA_MAX], np.exp(inner), [0.0]])


def optimize(eig: Array, weight: Array, steps: int = 10) -> Array:
    """Best grid of `steps` Euler steps, from three log-uniform starts."""
    best = None
    for low in (SIGMA_MIN, 0.02, 0.2):
        start = np.full(steps - 1, np.log(np.log(SIGMA_MAX / low) / (steps - 1)))

        def value(free: Array) -> float:
            return float(np.log(frechet(eig, weight, sigmas_of(free)) ** 2 + 1e-300))

        found = minimize(
            value, start, method="L-BFGS-B", bounds=[(-8, 4)] * (steps - 1), options={"maxiter": 400}
        )
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    return sigmas_of(best.x)
