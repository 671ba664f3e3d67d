"""What a method hands back: numbers and the facts that the honest report needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array

#: Multiple of d eps l_1 below which an eigenvalue is rounding.
ROUNDING = 8


@dataclass(frozen=True)
class RawSpectrum:
    """Sample spectrum before any correction.

    Attributes
    ----------
    eig, weight : ndarray, shape (n,)
        Eigenvalues of the unbiased sample covariance (denominator samples - 1), and multiplicities.
    mean : ndarray of shape (n,) or None
        Root-mean-square projections of the sample mean; None where it is not distinguishable from 0.
    samples : int
        Samples used.
    trace : float
        Of the sample covariance.
    grand_mean : float
        Mean of all numbers of all samples.
    pooled_std : float
        Standard deviation of all numbers around `grand_mean`.
    mean_square : float
        Squared length of the sample mean.
    scatter : float or None
        Mean of |x - mean|^4, for the linear shrinkage; None when the method did not compute it.
    notes : tuple of str
        Remarks for people.
    lower, center : ndarray of shapes (d, d) and (d,), or None
        Lower triangle of the covariance, and the mean, in pixels; kept where they are wanted.
    """

    eig: Array
    weight: Array
    mean: Array | None
    samples: int
    trace: float
    grand_mean: float
    pooled_std: float
    mean_square: float
    scatter: float | None = None
    notes: tuple[str, ...] = field(default=())
    lower: Array | None = None
    center: Array | None = None


def check_varies(trace: float, mean_square: float, label: str) -> None:
    """Refuse samples that are all the same, up to the rounding of their mean, and overflow.

    Raises
    ------
    InputError
        The trace is zero, rounding, or not finite.
    """
    if not np.isfinite(trace) or trace <= 1e-28 * mean_square or trace <= 1e-300:
        raise InputError(f"{label}: the samples do not vary (or overflow), their variance is {trace:g}")


def above_rounding(eig: Array, dim: int) -> Array:
    """Eigenvalues with those within rounding of 0 set to 0 (docs/spectra.md, section 2)."""
    return np.where(eig > ROUNDING * dim * np.finfo(np.float64).eps * eig.max(initial=0.0), eig, 0.0)


def mean_matters(mean: Array, trace: float, samples: int) -> bool:
    """Whether the sample mean is more than its own noise, whose expected square is trace / samples."""
    return float(np.vdot(mean, mean)) > 4 * trace / samples


def pooled(mean: Array, trace: float, samples: int) -> tuple[float, float]:
    """Mean and standard deviation of all numbers of all samples, from the mean vector and the trace."""
    grand = float(mean.mean())
    within = trace * (samples - 1) / samples / mean.size
    return grand, float(np.sqrt(within + np.mean((mean - grand) ** 2)))
