"""Spectra of arrays: eigenvalues, or a covariance matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError

#: Inception features of the usual FID reference files.
FID_SIZE = 2048


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
    if array.shape[0] != array.shape[1] or array.size == 0:
        raise InputError(
            f"{label}: a {array.shape[0]} x {array.shape[1]} array is neither eigenvalues nor a covariance; "
            "for samples use `diffopt spectrum estimate`"
        )
    if array.shape[0] == FID_SIZE and mean is not None and not feature_space:
        raise InputError(
            f"{label}: looks like an FID reference ({FID_SIZE} Inception features), not data; "
            "use --feature-space if features are what you sample"
        )
    return _diagonalize(array.astype(np.float64), mean, label)


def _diagonalize(matrix: NDArray[np.float64], mean: NDArray[Any] | None, label: str) -> Spectrum:
    if not np.all(np.isfinite(matrix)):
        raise InputError(f"{label}: the covariance holds NaN or infinite values")
    scale = float(np.max(np.abs(matrix))) or 1.0
    if np.max(np.abs(matrix - matrix.T)) > 1e-6 * scale:
        raise InputError(f"{label}: the matrix is not symmetric, so it is no covariance")
    # Divided by the largest entry: sums of squares of huge or tiny entries leave the range of doubles.
    symmetric = matrix / scale / 2 + matrix.T / scale / 2
    if mean is not None and mean.shape != (matrix.shape[0],):
        raise InputError(f"{label}: mean has shape {mean.shape}, expected ({matrix.shape[0]},)")
    try:
        values, vectors = np.linalg.eigh(symmetric) if mean is not None else (np.linalg.eigvalsh(symmetric), None)
    except np.linalg.LinAlgError:
        raise InputError(f"{label}: the eigenvalues of the covariance could not be computed; check its numbers") from None
    means = None if mean is None or vectors is None else vectors.T @ mean.astype(np.float64)
    return Spectrum.create(values * scale, None, means, label, computed=True)
