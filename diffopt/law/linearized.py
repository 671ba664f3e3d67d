"""Errors of a law that is close to the target, to first order in the gap."""

from __future__ import annotations

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array


def linear_frechet(variance: Array, mean: Array, target: Array, spectrum: Spectrum) -> Array:
    """sqrt(sum w [dm^2 + dV^2/(4 v)]); a direction with v = 0 counts its variance (theory.md, eq. 59)."""
    flat = target == 0
    square = np.where(flat, np.maximum(variance, 0), variance**2 / (4 * np.where(flat, 1, target)))
    if spectrum.mean is not None:
        square = square + (mean * spectrum.mean) ** 2
    return np.asarray(np.sqrt(square @ spectrum.weight))


def linear_residuals(variance: Array, mean: Array, target: Array, spectrum: Spectrum) -> Array:
    """What :func:`linear_frechet` is the root of the sum of squares of, shape (..., d) or (..., 2 d)."""
    flat, root = target == 0, np.sqrt(spectrum.weight)
    part = np.where(flat, np.sqrt(np.maximum(variance, 0)), variance / (2 * np.sqrt(np.where(flat, 1, target)))) * root
    return part if spectrum.mean is None else np.concatenate([part, mean * spectrum.mean * root], axis=-1)


def weak_error(
    variance: Array, mean: Array, spectrum: Spectrum, gradient: Array | float, hessian: Array | float
) -> float:
    """sum w [dm mu E d_i phi + dV E d_ii phi/2] (theory.md, eq. 60)."""
    shift = 0.0 if spectrum.mean is None else mean * spectrum.mean * gradient
    return float(np.sum(spectrum.weight * (shift + variance * hessian / 2)))
