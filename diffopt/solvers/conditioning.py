"""A network that is told another noise level than the state has, as an error of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from diffopt.foundation.arrays import Array, Numbers
from diffopt.solvers.model_error import ModelError

Prediction = Literal["epsilon", "v_prediction", "sample"]


def told_nearest(levels: Array, prediction: Prediction = "epsilon") -> ModelError:
    """Error of a host that tells the network the nearest trained level, in log sigma (theory.md, eqs. 240-243).

    Parameters
    ----------
    levels : ndarray, shape (T,)
        Trained noise ratios, increasing and positive.
    prediction : {"epsilon", "v_prediction", "sample"}
        What the network predicts; the host takes it back to x_0 with the state's own level.
    """
    logs = np.log(levels)

    def nearest(sigma: Numbers) -> Array:
        gap = np.abs(np.log(np.asarray(sigma).real)[..., None] - logs)
        return np.asarray(levels[np.argmin(gap, axis=-1)])

    return told(nearest, prediction)


def told(level: Callable[[Numbers], Array], prediction: Prediction = "epsilon") -> ModelError:
    """Error of a network that is told `level(sigma)` where the state has sigma."""

    def rule(eig: Numbers, sigma: Numbers) -> Numbers:
        share = _gain(eig, sigma, level(sigma), prediction)
        return (1 - share) * (eig + sigma**2) / sigma**2 - 1

    def offset(eig: Numbers, sigma: Numbers) -> Numbers:
        said = level(sigma)
        state, denoised = _weights(sigma, said, prediction)
        alpha, other = 1 / np.sqrt(1 + sigma**2), 1 / np.sqrt(1 + said**2)
        seen = eig * np.sqrt(1 + said**2) / (eig + said**2) * (alpha - other)
        return alpha * state + denoised * (1 + seen) - 1

    return ModelError(rule, "relative", text="nearest trained level", offset=offset)


def _weights(sigma: Numbers, said: Array, prediction: Prediction) -> tuple[Numbers, Numbers]:
    """Weights of z and of the network's own x_0 in the host's x_0 (eq. 241)."""
    alpha, noise = 1 / np.sqrt(1 + sigma**2), sigma / np.sqrt(1 + sigma**2)
    other, level = 1 / np.sqrt(1 + said**2), said / np.sqrt(1 + said**2)
    if prediction == "sample":
        return 0 * alpha, 1 + 0 * alpha
    if prediction == "v_prediction":
        return alpha - noise * other / level, noise / level
    return (1 - noise / level) / alpha, noise * other / (alpha * level)


def _gain(eig: Numbers, sigma: Numbers, said: Array, prediction: Prediction) -> Numbers:
    """Host's x_0 per unit of x (eq. 242)."""
    state, denoised = _weights(sigma, said, prediction)
    seen = eig * np.sqrt(1 + said**2) / (eig + said**2)
    return (state + denoised * seen) / np.sqrt(1 + sigma**2)
