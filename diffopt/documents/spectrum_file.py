"""Reading a SPECTRUM argument: a path, `-` for standard input, or builtin:NAME."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.limits import expanding
from diffopt.foundation.names import suggestion
from diffopt.foundation.tensors import numbers_of

#: What data are.
DATA = "a path, builtin:NAME, eigenvalues (d,), a covariance (d, d), or a spectrum that diffopt made"


def load_dataset(data: Any, key: str | None = None, feature_space: bool = False, max_member: float | None = None) -> Dataset:
    """Data named by an argument or given as an object; a file is read and parsed once.

    Parameters
    ----------
    data : str, Path, array, Spectrum, Dataset, or anything with an attribute `dataset`
        Path (.npy, .npz, .json, .csv, .txt), `-` or `builtin:NAME`; eigenvalues (d,) or a covariance (d, d).
    key : str, optional
        Array of an .npz to take instead of the usual names.
    feature_space : bool
        Accept a 2048 x 2048 `mu`/`sigma` FID reference, which describes Inception features.
    max_member : float, optional
        Gigabytes that an array or text of a compressed file may expand to; the default is 1.

    Raises
    ------
    InputError
        Missing, unreadable or unsuitable input; the message says what was expected.
    """
    found = getattr(data, "dataset", data)
    if isinstance(found, Dataset | Spectrum):
        return Dataset.of(found)
    if not isinstance(found, str | Path):
        from diffopt.documents.array_spectrum import from_array

        return Dataset.of(from_array(numbers_of(found, "the data", DATA), None, None, "array", feature_space))
    with expanding(max_member):
        return _named(str(found), key, feature_space)


def load_spectrum(data: Any, key: str | None = None, feature_space: bool = False) -> Spectrum:
    """Spectrum of all data of :func:`load_dataset`."""
    return load_dataset(data, key, feature_space).spectrum


def _named(argument: str, key: str | None, feature_space: bool) -> Dataset:
    if argument.startswith("builtin:"):
        return Dataset.of(load_builtin(argument.removeprefix("builtin:")))
    # What is built in needs no reader.
    from diffopt.documents.held_numbers import read_held

    return read_held(argument, key).dataset(feature_space)


def builtin_names() -> list[str]:
    """Names of the built-in spectra."""
    from diffopt.data.builtin import BUILTINS

    return sorted(BUILTINS)


def load_builtin(name: str) -> Spectrum:
    """Built-in spectrum by name.

    Raises
    ------
    InputError
        Unknown name.
    """
    from diffopt.data.builtin import BUILTINS

    if name not in BUILTINS:
        raise InputError(f"no built-in spectrum {name!r}; {suggestion(name, builtin_names())}")
    return BUILTINS[name]()
