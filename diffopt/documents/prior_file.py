"""Priors from files and texts; posteriors as NPZ."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffopt.data.posterior.posterior import DENSE, MAKE, Posterior, Prior
from diffopt.data.spectrum import Spectrum
from diffopt.documents.array_spectrum import checked_covariance
from diffopt.documents.held_numbers import USUAL, Held, read_held
from diffopt.documents.number_list import load_array
from diffopt.documents.spectrum_file import load_builtin
from diffopt.errors import InputError
from diffopt.foundation.array_file import write_npz
from diffopt.foundation.arrays import Shape
from diffopt.foundation.notes import note

POWER = "power:"
#: How a note about few samples begins.
FEW = "few samples"
#: Steepest power law, and most pixels of a field (a gigabyte in the transforms).
STEEPEST, PIXELS = 20, 1 << 24
#: Of a file that holds both, the covariance knows more: where its directions lie.
COVARIANCE_FIRST = ("cov", "covariance", *USUAL)


def load_prior(argument: str, shape: Shape | None, key: str | None = None, dense: int = DENSE) -> Prior:
    """Prior of the command line.

    `power:EXPONENT` with a shape is a stationary field; a file of any kind with a covariance matrix is one in pixels;
    eigenvalues are along directions of their own.

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
    if argument.startswith("builtin:"):
        return _directions(load_builtin(argument.removeprefix("builtin:")), argument, shape, dense)
    return prior_of(read_held(argument, key, COVARIANCE_FIRST), argument, shape, dense)


def prior_of(held: Held, name: str, shape: Shape | None, dense: int = DENSE) -> Prior:
    """A covariance as data in pixels, eigenvalues as data along their own directions.

    Raises
    ------
    InputError
        A shape that does not fit, or numbers that are neither.
    """
    if held.values.ndim != 2:
        return _directions(held.dataset().spectrum, name, shape, dense, held.facts)
    covariance = checked_covariance(held.values, held.mean, held.label)
    size = covariance.shape[0]
    shape = shape or _own_shape(held.facts, size)
    _note_few(held)
    if shape is not None and math.prod(shape) != size:
        raise InputError(f"--shape {shape} has {math.prod(shape)} pixels, the covariance {size}")
    mean = None if held.mean is None else held.mean.astype(np.float64)
    return Prior(shape or (size,), (covariance + covariance.T) / 2, None, mean, facts=held.facts)


def _own_shape(facts: Mapping[str, Any], size: int) -> Shape | None:
    """Shape of one sample that an estimate has written down."""
    said = facts.get("shape")
    whole = isinstance(said, list) and all(isinstance(n, int) and n > 0 for n in said)
    return tuple(said) if isinstance(said, list) and whole and math.prod(said) == size else None


def _note_few(held: Held) -> None:
    """What an estimate said about few samples."""
    told = held.facts.get("notes")
    lines = [line for line in told if isinstance(line, str) and line.startswith(FEW)] if isinstance(told, list) else []
    for line in lines:
        note(f"note: {line}")


def _directions(
    spectrum: Spectrum, name: str, shape: Shape | None, dense: int, facts: Mapping[str, Any] | None = None
) -> Prior:
    prior = Prior.from_spectrum(spectrum, dense, facts)
    if shape is not None:
        raise InputError(
            f"--shape has no effect: {name} has {prior.shape[0]} directions and no places; leave it out, or make a covariance in "
            f"pixels: {MAKE}"
        )
    return prior


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
