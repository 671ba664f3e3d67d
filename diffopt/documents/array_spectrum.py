"""Spectra of arrays: eigenvalues, or a covariance matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array

#: Inception features of the usual FID reference files.
FID_SIZE = 2048
#: Relative difference of mirrored entries that is rounding.
SYMMETRIC = 1e-6


def from_array(
    array: NDArray[Any], weight: NDArray[Any] | None, mean: NDArray[Any] | None, label: str, feature_space: bool
) -> Spectrum:
    """Spectrum from eigenvalues (1-D) or a covariance matrix (2-D).

    Raises
    ------
    InputError
        Wrong shape or values, an asymmetric matrix, or feature-space statistics without permission.
    """
    if array.dtype.kind not in "fiu":
        raise InputError(f"{label}: expected real numbers, got dtype {array.dtype}")
    if array.ndim > 2:
        raise InputError(
            f"{label}: shape {array.shape} is neither eigenvalues nor a covariance; for samples use `diffopt spectrum estimate`"
        )
    if array.ndim != 2:
        return Spectrum.create(array, weight, mean, label)
    matrix = checked_covariance(array, mean, label)
    if array.shape[0] == FID_SIZE and mean is not None and not feature_space:
        raise InputError(
            f"{label}: looks like an FID reference ({FID_SIZE} Inception features), not data; "
            "use --feature-space if features are what you sample"
        )
    return _diagonalize(matrix, mean, label)


def checked_covariance(array: NDArray[Any], mean: NDArray[Any] | None, label: str) -> Array:
    """A covariance matrix (d, d) as doubles, with a mean (d,) that fits.

    Raises
    ------
    InputError
        Not square, not finite, not symmetric, or a mean of another shape or that is not finite.
    """
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.size == 0:
        raise InputError(
            f"{label}: a {' x '.join(map(str, array.shape))} array is neither eigenvalues nor a covariance; "
            "for samples use `diffopt spectrum estimate`"
        )
    if array.dtype.kind not in "fiu":
        raise InputError(f"{label}: expected real numbers, got dtype {array.dtype}")
    matrix = array.astype(np.float64)
    if not np.all(np.isfinite(matrix)):
        raise InputError(f"{label}: the covariance holds NaN or infinite values")
    scale = float(np.max(np.abs(matrix)))
    if np.max(np.abs(matrix - matrix.T)) > SYMMETRIC * scale:
        raise InputError(f"{label}: the matrix is not symmetric, so it is no covariance")
    if mean is not None and mean.shape != (matrix.shape[0],):
        raise InputError(f"{label}: mean has shape {mean.shape}, expected ({matrix.shape[0]},)")
    if mean is not None and (mean.dtype.kind not in "fiu" or not np.all(np.isfinite(mean))):
        raise InputError(f"{label}: the mean must be finite real numbers")
    return matrix


def _diagonalize(matrix: Array, mean: NDArray[Any] | None, label: str) -> Spectrum:
    scale = float(np.max(np.abs(matrix))) or 1.0
    # Divided by the largest entry: sums of squares of huge or tiny entries leave the range of doubles.
    symmetric = matrix / scale / 2 + matrix.T / scale / 2
    try:
        values, vectors = np.linalg.eigh(symmetric) if mean is not None else (np.linalg.eigvalsh(symmetric), None)
    except np.linalg.LinAlgError:
        raise InputError(f"{label}: the eigenvalues of the covariance could not be computed; check its numbers") from None
    means = None if mean is None or vectors is None else vectors.T @ mean.astype(np.float64)
    return Spectrum.create(values * scale, None, means, label, computed=True)
