"""A network's error from its validation loss over noise levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.documents.number_list import load_list
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array, Numbers
from diffopt.foundation.notes import note
from diffopt.solvers.model_error import ModelError
from diffopt.solvers.score_error import parse_score_error


def make_score_error(given: Any, spectrum: Spectrum) -> ModelError:
    """Score error of a rule such as `random:data:0.02`, of `[random:]curve:FILE`, of a function e(sigma) or an object.

    Raises
    ------
    InputError
        Unknown words, or a curve that cannot be read.
    """
    if not isinstance(given, str):
        if isinstance(given, ModelError) or callable(given):
            return ModelError.of(given)
        return parse_score_error(str(given))
    words, found, path = given.partition("curve:")
    if not found:
        return parse_score_error(given)
    if words not in ("", "random:"):
        raise InputError(f"score error {given!r}: before curve: only random: is allowed")
    loaded = load_list(path, ("mse", "loss"))
    sigma = next((loaded.rest[name] for name in ("sigma", "sigmas") if name in loaded.rest), None)
    if sigma is None or loaded.name is None:
        raise InputError(f"{path}: a loss curve has the columns sigma and mse (squared error of the denoiser, summed)")
    return curve_error(spectrum, sigma, loaded.values, words == "random:", given)


def curve_error(spectrum: Spectrum, sigma: Array, mse: Array, random: bool = False, text: str = "curve") -> ModelError:
    """Relative error e(sigma) that explains how far a loss curve is above the spectrum's own (theory.md, eq. 194).

    Parameters
    ----------
    spectrum : Spectrum
        Data of the network.
    sigma, mse : ndarray, shape (n,)
        Noise ratios, and mean squared errors of the denoiser summed over the dimensions.
    random : bool
        Whether the error is independent from call to call.

    Raises
    ------
    InputError
        Levels that are not positive or twice there, or errors that are negative or not finite.
    """
    sigma, mse = np.asarray(sigma, dtype=np.float64), np.asarray(mse, dtype=np.float64)
    if sigma.shape != mse.shape or sigma.ndim != 1 or sigma.size < 1:
        raise InputError(f"a loss curve needs as many sigmas as errors, got {sigma.shape} and {mse.shape}")
    if not np.all(np.isfinite(sigma)) or np.any(sigma <= 0) or not np.all(np.isfinite(mse)) or np.any(mse < 0):
        raise InputError("a loss curve needs sigmas > 0 and errors >= 0, all finite")
    order = np.argsort(sigma)
    sigma, mse = sigma[order], mse[order]
    if np.any(sigma[1:] == sigma[:-1]):
        raise InputError("a loss curve has a sigma twice")
    c = spectrum.eig + sigma[:, None] ** 2
    least = (spectrum.eig * sigma[:, None] ** 2 / c) @ spectrum.weight
    below = mse < least
    if np.all(below):
        raise InputError(
            f"{text}: the whole loss curve is below the least error of this spectrum, e.g. {mse[-1]:.4g} under {least[-1]:.4g} "
            f"at sigma {sigma[-1]:.4g}; mse is summed over the {spectrum.dim:g} dimensions, in the units of the spectrum"
        )
    if np.any(below):
        note(f"note: {text}: below the spectrum's minimum at {np.count_nonzero(below)} of {below.size} levels; no error there")
    error = np.sqrt(np.maximum(mse - least, 0) / (sigma**4 * ((1 / c) @ spectrum.weight)))
    return ModelError(_Interpolated(np.log(sigma), error), "relative", random, text)


@dataclass(frozen=True, eq=False)
class _Interpolated:
    """e linear in log sigma, constant outside; complex arguments move along the piece their real part is in."""

    x: Array
    y: Array

    def __call__(self, _: Numbers, sigma: Numbers) -> Numbers:
        x, y = self.x, self.y
        slopes = np.diff(y) / np.diff(x) if x.size > 1 else np.zeros(1)
        # No score is asked for at sigma 0; the place is taken for one below the curve.
        at = np.where(sigma == 0, x[0] - 1, np.log(np.where(sigma == 0, 1.0, sigma)))
        piece = np.clip(np.searchsorted(x, at.real, side="right") - 1, 0, max(x.size - 2, 0))
        inside = (at.real >= x[0]) & (at.real <= x[-1])
        flat = np.where(at.real < x[0], y[0], y[-1])
        return np.where(inside, y[piece] + slopes[piece] * (at - x[piece]), flat)
