"""Reading a SPECTRUM argument: a path, `-` for standard input, or builtin:NAME."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.data.dataset import Dataset
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents.array_spectrum import from_array
from diffopt.documents.number_list import load_list
from diffopt.documents.numbers import parse_table
from diffopt.documents.spectrum_columns import columns_of
from diffopt.documents.spectrum_formats import ENSEMBLE_SCHEMA, SPECTRUM_SCHEMA, from_document, from_npz
from diffopt.errors import InputError
from diffopt.foundation import array_file
from diffopt.foundation.array_file import NPY, ZIP
from diffopt.foundation.encoding import decode, expanded, read_bytes, stdin_bytes, suffix
from diffopt.foundation.limits import expanding
from diffopt.foundation.names import close, suggestion
from diffopt.foundation.notes import note
from diffopt.foundation.paths import exists, is_folder
from diffopt.foundation.shown import text
from diffopt.foundation.strict_json import numbers, parse

#: Names under which an .npz or .json may hold eigenvalues, a covariance, weights and a mean.
EIGENVALUES = ("eigenvalues", "eigvals", "evals", "eig", "eigenvalue")
COVARIANCE = ("cov", "covariance", "C", "sigma")
MEAN = ("mean", "mu")

#: Sizes of the layers that FID tools offer beside the usual one.
FEATURES = (64, 192, 512, 768, 1024)
GZIP = b"\x1f\x8b"
#: Other extensions of text.
LIKE = {".tsv": ".txt", ".dat": ".txt"}

#: What the numbers of a file say, and not its provenance.
NUMBERS = {"schema", "eigenvalues", "weights", "mean", "members", "dim", "trace", "max", "rank", "sha256"}

Reader = Callable[[bytes, str, str | None, bool], Dataset]


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
        return Dataset.of(from_array(np.asarray(found), None, None, "array", feature_space))
    with expanding(max_member):
        return _named(str(found), key, feature_space)


def load_spectrum(data: Any, key: str | None = None, feature_space: bool = False) -> Spectrum:
    """Spectrum of all data of :func:`load_dataset`."""
    return load_dataset(data, key, feature_space).spectrum


def spectrum_of(data: bytes, label: str, key: str | None = None) -> Spectrum:
    """Spectrum of bytes that were read already, such as those of a pipe."""
    return _from_bytes(data, label, key, False).spectrum


def _named(argument: str, key: str | None, feature_space: bool) -> Dataset:
    if argument.startswith("builtin:"):
        return Dataset.of(load_builtin(argument.removeprefix("builtin:")))
    if argument == "-":
        return _from_bytes(stdin_bytes(), "-", key, feature_space)
    path = Path(argument)
    kind = suffix(path)
    if is_folder(path):
        raise InputError(f"{text(argument)} is a folder; to make a spectrum of samples use `diffopt spectrum estimate`")
    if not exists(path):
        near = close(argument, builtin_names())
        hint = f"did you mean builtin:{near[0]}?" if near else "give a path, - for standard input, or builtin:photos"
        raise InputError(f"no spectrum file '{text(argument)[:200]}'; {hint}")
    label = text(argument)
    if kind == "":
        return _from_bytes(read_bytes(path, label), label, key, feature_space)
    reader = BY_SUFFIX.get(LIKE.get(kind, kind))
    if reader is None:
        raise InputError(
            f"{text(argument)}: unknown kind {path.suffix!r}; use one of {', '.join(BY_SUFFIX)}; to make a spectrum of samples "
            "use `diffopt spectrum estimate`"
        )
    return reader(read_bytes(path, label), label, key, feature_space)


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


def _from_bytes(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """Standard input and a name without an extension: the content tells."""
    if data[:2] == GZIP:
        data = expanded(data, label)
    if data[:6] == NPY:
        return read_npy(data, label, key, feature_space)
    if data[:2] == ZIP:
        return read_npz(data, label, key, feature_space)
    if decode(data, label).lstrip()[:1] in ("{", "["):
        return read_json(data, label, key, feature_space)
    return read_text(data, label, key, feature_space)


def read_npy(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """1-D eigenvalues or 2-D covariance."""
    _one_array(key, label)
    return Dataset.of(from_array(array_file.read_npy(data, label), None, None, label, feature_space))


def read_npz(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """`eigenvalues` (+ `weights`, `mean`) or `cov` (+ `mean` or `mu`); `key` names another array."""
    archive = array_file.Archive(data, label)
    names = list(archive)
    ours = "probabilities" in names and "eigenvalues_0" in names
    arrays = {name: archive[name] for name in names if ours or _wanted(name, key)}
    facts = _facts(archive["facts"], f"{label}: facts") if "facts" in names else {}
    spectrum = _from_mapping(arrays, names, label, key, feature_space)
    members = from_npz(arrays, label) if ours and key in (None, "eigenvalues") else None
    return _dataset(spectrum, members, facts, label)


def _facts(array: NDArray[Any], label: str) -> dict[str, Any]:
    """Provenance: one JSON object as text.

    Raises
    ------
    InputError
        Something else.
    """
    if array.dtype.kind not in "US" or array.ndim:
        raise InputError(f"{label}: expected JSON text, got {array.dtype} of shape {array.shape}")
    facts = parse(str(array) if array.dtype.kind == "U" else bytes(array), label)
    if not isinstance(facts, dict):
        raise InputError(f"{label}: expected an object, got {type(facts).__name__}")
    return facts


def _dataset(spectrum: Spectrum, members: Spectrum | Ensemble | None, facts: Mapping[str, Any], label: str) -> Dataset:
    kept = {k: v for k, v in facts.items() if k not in NUMBERS}
    return Dataset(spectrum, members if isinstance(members, Ensemble) else None, kept, label)


def _wanted(name: str, key: str | None) -> bool:
    return name in (*EIGENVALUES, *COVARIANCE, *MEAN, "weights", "weight") or name == key


def _from_mapping(
    arrays: dict[str, Any], names: list[str], label: str, key: str | None, feature_space: bool
) -> Spectrum:
    if key is not None and key not in arrays:
        raise InputError(f"{label}: no array {key!r}; it holds {', '.join(names) or 'nothing'}")
    candidates = (key,) if key is not None else (*EIGENVALUES, *COVARIANCE)
    chosen = next((name for name in candidates if name in arrays), None)
    if chosen is None:
        raise InputError(f"{label}: none of eigenvalues, cov, covariance in it but {', '.join(names) or 'nothing'}; use --key")
    if chosen in COVARIANCE and np.ndim(arrays[chosen]) != 2:
        raise InputError(
            f"{label}: {chosen!r} has shape {np.shape(arrays[chosen])} and is no covariance matrix; "
            "name variances `eigenvalues`, and square standard deviations before"
        )
    weight = next((arrays[n] for n in ("weights", "weight") if n in arrays), None)
    mean = next((arrays[n] for n in MEAN if arrays.get(n) is not None), None)
    size = np.shape(arrays[chosen])[0] if np.ndim(arrays[chosen]) == 2 else 0
    if chosen == "sigma" and "mu" in arrays and size in FEATURES:
        note(f"note: {label}: mu and sigma of {size} numbers is the form of FID statistics, which describe features, not data")
    return from_array(np.asarray(arrays[chosen]), weight, mean, label, feature_space)


def read_json(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """A list of numbers, or an object as `diffopt spectrum` writes it."""
    content = parse(data, label)
    if isinstance(content, list):
        return Dataset.of(from_array(_array(content, label), None, None, label, feature_space))
    if not isinstance(content, dict):
        raise InputError(f"{label}: expected a list of numbers or an object, got {type(content).__name__}")
    schema = content.get("schema")
    if isinstance(schema, str) and schema.startswith("diffopt.") and schema not in (SPECTRUM_SCHEMA, ENSEMBLE_SCHEMA):
        raise InputError(f"{label}: schema {schema[:60]!r} is no spectrum; expected {SPECTRUM_SCHEMA} or {ENSEMBLE_SCHEMA}")
    if schema in (SPECTRUM_SCHEMA, ENSEMBLE_SCHEMA) and "eigenvalues" not in content and key is None:
        raise InputError(
            f"{label}: no `eigenvalues` in it; `diffopt spectrum show` prints a summary, `diffopt spectrum convert` the spectrum"
        )
    wanted = {k: _array(v, f"{label}: {k}") for k, v in content.items() if _wanted(k, key) and v is not None}
    spectrum = _from_mapping(wanted, list(content), label, key, feature_space)
    if schema not in (SPECTRUM_SCHEMA, ENSEMBLE_SCHEMA):
        return Dataset.of(spectrum)
    whole = key in (None, "eigenvalues")
    return _dataset(spectrum, from_document(content, label) if whole else None, content, label)


def _array(values: Any, label: str) -> NDArray[Any]:
    return np.array(numbers(values, label), dtype=np.float64)


def read_text(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """A list of eigenvalues, columns with a header, or a covariance; see :func:`parse_table`."""
    _one_array(key, label)
    columns = columns_of(parse_table(decode(data, label), label))
    return Dataset.of(from_array(columns.values, columns.weight, columns.mean, label, feature_space))


def _one_array(key: str | None, label: str) -> None:
    """Refuse a key of a file without names.

    Raises
    ------
    InputError
        There is one.
    """
    if key is not None:
        raise InputError(f"--key {key} has no effect: {label} holds one array; leave it out")


def load_numbers(path: str) -> NDArray[np.float64]:
    """One-dimensional list of numbers from a file of any kind.

    Raises
    ------
    InputError
        Missing or unreadable file, or not a list of numbers.
    """
    return load_list(path).values


BY_SUFFIX: dict[str, Reader] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".json": read_json,
    ".csv": read_text,
    ".txt": read_text,
}

