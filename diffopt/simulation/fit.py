"""A Gaussian mixture fitted to samples by expectation maximization (scikit-learn)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.guard import require
from diffopt.simulation.mixture import Mixture


def fit_mixture(samples: Array, components: int, seed: int = 0, full: bool = True) -> Mixture:
    """Mixture of the samples' own maximum likelihood, `full` or axis-aligned covariances.

    Parameters
    ----------
    samples : ndarray, shape (m, d)
        Data.
    components : int
        Number of Gaussians, at least 1 and at most m.
    seed : int
        Of the starting clusters.
    full : bool
        Full covariances (k, d, d), otherwise variances (k, d).

    Raises
    ------
    InputError
        An impossible number of components, or samples that the fit refuses.
    MissingExtraError
        Without scikit-learn.
    """
    if not 1 <= components <= len(samples):
        raise InputError(f"components must lie in 1..{len(samples)}, the number of samples, got {components}")
    mixture: Any = require("sklearn.mixture", "scikit-learn", "shrinkage", "fitting a mixture")
    # Regularization in the data's own units: a fixed 1e-6 would be all of small data and nothing of large.
    floor = 1e-6 * max(float(np.var(samples, axis=0).mean()), 1e-300)
    kind = "full" if full else "diag"
    fit = mixture.GaussianMixture(components, covariance_type=kind, random_state=seed, reg_covar=floor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unconverged fit is still a law with an exact score
        fit.fit(samples)
    shapes = {"covariances": fit.covariances_} if full else {"variances": fit.covariances_}
    return Mixture.create(fit.weights_, fit.means_, **shapes)
