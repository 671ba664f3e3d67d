"""The covariance in pixels that belongs to a spectrum: the samples' own directions with the corrected variances."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from diffopt.errors import InputError
from diffopt.estimation.methods.raw_spectrum import RawSpectrum
from diffopt.foundation.arrays import Array

#: Rules that give one variance to each direction of the samples.
ALONG_SAMPLES = ("none", "ledoit_wolf", "oas", "analytical")


def refuse_population(shrinkage: str) -> None:
    """Refuse a rule whose eigenvalues belong to no directions.

    Raises
    ------
    InputError
        `population`.
    """
    if shrinkage not in ALONG_SAMPLES:
        raise InputError(
            f"--covariance needs a variance along each direction of the samples, and --shrinkage {shrinkage} estimates the "
            "eigenvalues of the population without their directions; use --shrinkage analytical"
        )


def corrected_covariance(raw: RawSpectrum, corrected: RawSpectrum) -> Array:
    """U diag(corrected) U' with the eigenvectors U of the samples (docs/spectra.md, eq. 14).

    Both spectra are in the ascending order of the samples' eigenvalues, as `pca` and the rules of `ALONG_SAMPLES` give them.
    """
    assert raw.lower is not None and raw.eig.shape == corrected.eig.shape
    _, vectors = scipy.linalg.eigh(raw.lower, lower=True, check_finite=False, driver="evd")
    roots = vectors * np.sqrt(np.maximum(corrected.eig, 0.0))
    return np.asarray(roots @ roots.T)
