"""Priors from files and texts; posteriors as NPZ."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.posterior.operators.base import Shape
from diffopt.data.posterior.posterior import DENSE, Posterior, Prior
from diffopt.documents.number_list import content_of, load_array
from diffopt.documents.spectrum_file import load_spectrum, spectrum_of
from diffopt.errors import InputError
from diffopt.foundation.array_file import NPY, ZIP, write_npz
from diffopt.foundation.encoding import read_bytes
from diffopt.foundation.paths import is_file

POWER = "power:"
#: Steepest power law, and most pixels of a field (a gigabyte in the transforms).
STEEPEST, PIXELS = 20, 1 << 24
COVARIANCE_KEYS = ("cov", "covariance")


def load_prior(argument: str, shape: Shape | None, key: str | None = None, dense: int = DENSE) -> Prior:
    """Prior of the command line.

    `power:EXPONENT` with a shape is a stationary field; a file with a square array is a covariance in pixels;
    anything else is a SPECTRUM, whose directions are its own eigenbasis.

    Raises
    ------
    InputError
        A shape that does not fit, or nothing readable.
    """
    if argument.startswith(POWER):
        if shape is None:
            raise InputError(f"prior {argument!r} is a field and needs --shape, e.g. --shape 32,32")
        try:
            exponent = float(argument[len(POWER) :])
        except ValueError:
            exponent = np.nan
        if not abs(exponent) <= STEEPEST:
            raise InputError(f"prior {argument!r}: the exponent must be a number from -{STEEPEST} to {STEEPEST}; write power:2")
        if math.prod(shape) > PIXELS:
            raise InputError(f"--shape {shape}: {math.prod(shape)} pixels; a field may have {PIXELS}")
        return Prior.power_law(shape, exponent)
    # A pipe is read once, whatever it turns out to hold.
    data = read_bytes(Path(argument)) if argument == "-" else None
    covariance, mean = _covariance(argument, key, data)
    if covariance is None:
        spectrum = load_spectrum(argument, key) if data is None else spectrum_of(data, argument, key)
        prior = Prior.from_spectrum(spectrum, dense)
        if shape is not None:
            raise InputError(f"--shape has no effect: {argument} has {prior.shape[0]} directions and no places; leave it out")
        return prior
    size = covariance.shape[0]
    if shape is not None and math.prod(shape) != size:
        raise InputError(f"--shape {shape} has {math.prod(shape)} pixels, the covariance {size}")
    return Prior(shape or (size,), covariance, None, mean)


def _covariance(
    argument: str, key: str | None, piped: bytes | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """(covariance, mean) where the argument is a file (or a pipe) that holds one, else (None, None)."""
    path = Path(argument)
    binary = path.suffix in (".npy", ".npz") and is_file(path) if piped is None else piped[:6] == NPY or piped[:2] == ZIP
    if not binary:
        return None, None
    data = content_of(read_bytes(path) if piped is None else piped, argument)
    if isinstance(data, np.ndarray):
        return (_symmetric(data, argument), None) if data.ndim == 2 else (None, None)
    names = [key] if key else [name for name in COVARIANCE_KEYS if name in data]
    if not names or names[0] not in data:
        return None, None
    matrix = data[names[0]]
    if matrix.ndim != 2:
        return None, None
    mean = next((np.asarray(data[n], np.float64) for n in ("mean", "mu") if n in data), None)
    return _symmetric(matrix, argument), mean


def _symmetric(array: np.ndarray, source: str) -> np.ndarray:
    good = array.dtype.kind in "fiu" and array.shape[0] == array.shape[1] and np.all(np.isfinite(array))
    scale = float(np.max(np.abs(array))) if good and array.size else 0.0
    if not good or np.max(np.abs(array - array.T)) > 1e-6 * scale:
        raise InputError(f"{source}: a covariance must be a finite, symmetric, square array, got shape {array.shape}")
    array = array.astype(np.float64)
    return np.asarray((array + array.T) / 2)


def load_measurement(path: str) -> np.ndarray:
    """Numbers of a .npy or text file.

    Raises
    ------
    InputError
        Unreadable.
    """
    return load_array(path, "measurement")


def to_npz(result: Posterior, facts: dict[str, Any]) -> bytes:
    """Bytes of the NPZ form: the spectrum, and the basis and the mean in pixels, where there are any."""
    spectrum = result.spectrum
    arrays: dict[str, Any] = {"eigenvalues": spectrum.eig, "weights": spectrum.weight}
    optional = {"mean": spectrum.mean, "basis": result.basis, "pixels": result.mean}
    arrays |= {name: value for name, value in optional.items() if value is not None}
    return write_npz({"facts": np.array(json.dumps(facts)), **arrays})
