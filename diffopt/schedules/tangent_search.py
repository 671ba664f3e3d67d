"""Tangent grids and their exact error with DDIM, for choosing their constant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar

from diffopt.schedules.base import Array, Request
from diffopt.schedules.density import spectrum_of
from diffopt.schedules.tangent import KLOptimal
from diffopt.spectrum import Spectrum

#: (sampler variance, target variance, weight) -> error, smaller is better.
Loss = Callable[[Array, Array, Array], float]


def best_tangent(request: Request, name: str, loss: Loss) -> Array:
    """Levels c tan(...) with the c that minimizes the loss of DDIM from the exact start.

    DDIM multiplies a coordinate by (eig + s s')/(eig + s^2) per step; the target is the marginal at
    the last grid point. Golden section around the best of 49 values of log c.
    """
    spectrum, (high, low) = spectrum_of(request, name), request.finite(name)

    def levels(log_c: float) -> Array:
        return KLOptimal(float(np.exp(log_c))).levels(request)

    def error(log_c: float) -> float:
        return loss(*ddim_variance(levels(log_c), request, spectrum), spectrum.weight)

    trial = np.linspace(np.log(low), np.log(high), 49)
    j = int(np.argmin([error(x) for x in trial]))
    bounds = (trial[max(j - 1, 0)], trial[min(j + 1, trial.size - 1)])
    return levels(float(minimize_scalar(error, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def ddim_variance(levels: Array, request: Request, spectrum: Spectrum) -> tuple[Array, Array]:
    """Variance of DDIM's output and of its target, shape (n,) each."""
    sigma = np.append(levels, 0.0) if request.levels == request.steps else levels
    factor = (spectrum.eig + (sigma[:-1] * sigma[1:])[:, None]) / (spectrum.eig + sigma[:-1, None] ** 2)
    variance = (spectrum.eig + sigma[0] ** 2) * np.prod(factor**2, axis=0)
    return variance, spectrum.eig + sigma[-1] ** 2
