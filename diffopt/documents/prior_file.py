"""Priors from files and texts; posterior spectra as JSON and NPZ."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.posterior.operators.base import Shape
from diffopt.data.posterior.posterior import Posterior, Prior
from diffopt.documents import spectrum_formats as spectrum_files
from diffopt.documents.spectrum_file import load_spectrum
from diffopt.errors import InputError

POWER = "power:"
COVARIANCE_KEYS = ("cov", "covariance")


def load_prior(argument: str, shape: Shape | None, key: str | None = None) -> Prior:
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
            raise InputError(f"prior {argument!r}: the exponent is no number; write power:2") from None
        return Prior.power_law(shape, exponent)
    covariance, mean = _covariance(argument, key)
    if covariance is None:
        prior = Prior.from_spectrum(load_spectrum(argument, key))
        if shape is not None and int(np.prod(shape)) != prior.shape[0]:
            raise InputError(f"--shape {shape} has {int(np.prod(shape))} pixels for {prior.shape[0]} directions")
        return prior
    size = covariance.shape[0]
    if shape is not None and int(np.prod(shape)) != size:
        raise InputError(f"--shape {shape} has {int(np.prod(shape))} pixels, the covariance {size}")
    return Prior(shape or (size,), covariance, None, mean)


def _covariance(argument: str, key: str | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """(covariance, mean) where the argument is a file that holds one, else (None, None)."""
    path = Path(argument)
    if path.suffix not in (".npy", ".npz") or not path.is_file():
        return None, None
    try:
        data = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{argument}: {error}") from None
    if isinstance(data, np.ndarray):
        return (_symmetric(data, argument), None) if data.ndim == 2 else (None, None)
    names = [key] if key else [name for name in COVARIANCE_KEYS if name in data]
    if not names or names[0] not in data or data[names[0]].ndim != 2:
        return None, None
    mean = next((np.asarray(data[n], np.float64) for n in ("mean", "mu") if n in data), None)
    return _symmetric(data[names[0]], argument), mean


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
    try:
        array = np.load(path, allow_pickle=False) if path.endswith(".npy") else np.loadtxt(path, delimiter=",")
    except (OSError, ValueError) as error:
        raise InputError(f"measurement {path}: {error}") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"measurement {path} holds no real numbers")
    return np.asarray(array, dtype=np.float64)


def document(result: Posterior, facts: dict[str, Any]) -> dict[str, Any]:
    """The JSON form, readable as SPECTRUM."""
    return spectrum_files.document(result.spectrum, {"method": result.method, **facts})


def encode(result: Posterior, facts: dict[str, Any], form: str) -> bytes:
    """Bytes of the JSON or NPZ form; the NPZ also holds the basis and the mean in pixels, where there are any.

    Raises
    ------
    InputError
        Another format.
    """
    if form == "json":
        return (json.dumps(document(result, facts), allow_nan=False, indent=1) + "\n").encode()
    if form != "npz":
        raise InputError(f"format must be json or npz, got {form!r}")
    spectrum = result.spectrum
    arrays: dict[str, Any] = {"eigenvalues": spectrum.eig, "weights": spectrum.weight}
    optional = {"mean": spectrum.mean, "basis": result.basis, "pixels": result.mean}
    arrays |= {name: value for name, value in optional.items() if value is not None}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)
    return buffer.getvalue()
