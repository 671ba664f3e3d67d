"""Reading a SPECTRUM argument: a path, `-` for standard input, or builtin:NAME."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.data.dataset import Dataset
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents.array_spectrum import from_array
from diffopt.documents.spectrum_formats import ENSEMBLE_SCHEMA, SPECTRUM_SCHEMA, from_document, from_npz
from diffopt.errors import InputError

#: Names under which an .npz or .json may hold eigenvalues, a covariance, weights and a mean.
EIGENVALUES = ("eigenvalues", "eigvals", "evals", "eig")
COVARIANCE = ("cov", "covariance", "C", "sigma")
MEAN = ("mean", "mu")

#: What the numbers of a file say, and not its provenance.
NUMBERS = {"schema", "eigenvalues", "weights", "mean", "members", "dim", "trace", "max", "rank", "sha256"}

Reader = Callable[[bytes, str, str | None, bool], Dataset]


def load_dataset(data: Any, key: str | None = None, feature_space: bool = False) -> Dataset:
    """Data named by an argument or given as an object; a file is read and parsed once.

    Parameters
    ----------
    data : str, Path, array, Spectrum, Dataset, or anything with an attribute `dataset`
        Path (.npy, .npz, .json, .csv, .txt), `-` or `builtin:NAME`; eigenvalues (d,) or a covariance (d, d).
    key : str, optional
        Array of an .npz to take instead of the usual names.
    feature_space : bool
        Accept a 2048 x 2048 `mu`/`sigma` FID reference, which describes Inception features.

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
    return _named(str(found), key, feature_space)


def load_spectrum(data: Any, key: str | None = None, feature_space: bool = False) -> Spectrum:
    """Spectrum of all data of :func:`load_dataset`."""
    return load_dataset(data, key, feature_space).spectrum


def _named(argument: str, key: str | None, feature_space: bool) -> Dataset:
    if argument.startswith("builtin:"):
        return Dataset.of(load_builtin(argument.removeprefix("builtin:")))
    if argument == "-":
        return _from_bytes(_stdin(), "-", key, feature_space)
    path = Path(argument)
    if path.is_dir():
        raise InputError(f"{argument} is a folder; to make a spectrum of samples use `diffopt spectrum estimate`")
    if not path.is_file():
        raise InputError(f"no spectrum file {argument!r}; give a path, - for standard input, or builtin:photos")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{argument}: unknown kind {path.suffix!r}; use one of {', '.join(READERS)}")
    try:
        return reader(path.read_bytes(), argument, key, feature_space)
    except OSError as error:
        raise InputError(f"{argument}: {error.strerror or error}") from None


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
        raise InputError(f"no built-in spectrum {name!r}; use one of {', '.join(builtin_names())}")
    return BUILTINS[name]()


def _stdin() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("nothing on standard input; pipe a spectrum in, or give a path or builtin:photos")
    return sys.stdin.buffer.read()


def _from_bytes(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """Standard input has no extension: the content tells."""
    if data[:6] == b"\x93NUMPY":
        return read_npy(data, label, key, feature_space)
    if data[:2] == b"PK":
        return read_npz(data, label, key, feature_space)
    if data.lstrip()[:1] in (b"{", b"["):
        return read_json(data, label, key, feature_space)
    return read_text(data, label, key, feature_space)


def read_npy(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """1-D eigenvalues or 2-D covariance."""
    del key
    return Dataset.of(from_array(_numpy(data, label), None, None, label, feature_space))


def read_npz(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """`eigenvalues` (+ `weights`, `mean`) or `cov` (+ `mean` or `mu`); `key` names another array."""
    archive = _numpy(data, label)
    try:
        names = list(archive.files)
        ours = "probabilities" in names and "eigenvalues_0" in names
        arrays = {name: _member(archive, name, label) for name in names if ours or _wanted(name, key)}
        facts = json.loads(str(archive["facts"])) if "facts" in names else {}
    except (ValueError, OSError, KeyError, EOFError, RecursionError) as error:
        raise InputError(f"{label}: cannot read the archive ({error})") from None
    spectrum = _from_mapping(arrays, names, label, key, feature_space)
    members = from_npz(arrays, label) if ours and key in (None, "eigenvalues") else None
    return _dataset(spectrum, members, facts, label)


def _dataset(spectrum: Spectrum, members: Spectrum | Ensemble | None, facts: Any, label: str) -> Dataset:
    kept = {k: v for k, v in facts.items() if k not in NUMBERS} if isinstance(facts, dict) else {}
    return Dataset(spectrum, members if isinstance(members, Ensemble) else None, kept, label)


def _wanted(name: str, key: str | None) -> bool:
    return name in (*EIGENVALUES, *COVARIANCE, *MEAN, "weights", "weight", "mu") or name == key


def _member(archive: Any, name: str, label: str) -> NDArray[Any]:
    try:
        return np.asarray(archive[name])
    except ValueError as error:
        raise InputError(f"{label}: array {name!r} cannot be read ({error}); pickles are never loaded") from None


def _from_mapping(
    arrays: dict[str, Any], names: list[str], label: str, key: str | None, feature_space: bool
) -> Spectrum:
    if key is not None and key not in arrays:
        raise InputError(f"{label}: no array {key!r}; it holds {', '.join(names) or 'nothing'}")
    candidates = (key,) if key is not None else (*EIGENVALUES, *COVARIANCE)
    chosen = next((name for name in candidates if name in arrays), None)
    if chosen is None:
        raise InputError(f"{label}: none of eigenvalues, cov, covariance in it but {', '.join(names) or 'nothing'}; use --key")
    weight = next((arrays[n] for n in ("weights", "weight") if n in arrays), None)
    mean = next((arrays[n] for n in MEAN if arrays.get(n) is not None), None)
    return from_array(np.asarray(arrays[chosen]), weight, mean, label, feature_space)


def read_json(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """A list of numbers, or an object as `diffopt spectrum` writes it."""
    try:
        content = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{label}: not valid JSON ({error})") from None
    if isinstance(content, list):
        return Dataset.of(from_array(_numbers(content, label), None, None, label, feature_space))
    if not isinstance(content, dict):
        raise InputError(f"{label}: expected a list of numbers or an object, got {type(content).__name__}")
    wanted = {k: _numbers(v, label) for k, v in content.items() if _wanted(k, key) and isinstance(v, list)}
    spectrum = _from_mapping(wanted, list(content), label, key, feature_space)
    if content.get("schema") not in (SPECTRUM_SCHEMA, ENSEMBLE_SCHEMA):
        return Dataset.of(spectrum)
    whole = key in (None, "eigenvalues")
    return _dataset(spectrum, from_document(content, label) if whole else None, content, label)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not allowed")


def _numbers(values: list[Any], label: str) -> NDArray[Any]:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{label}: not a list of numbers of equal length") from None


def read_text(data: bytes, label: str, key: str | None, feature_space: bool) -> Dataset:
    """Numbers separated by commas, blanks or line ends; `#` starts a comment; one header line may lead."""
    del key
    try:
        lines = [line.split("#")[0].replace(",", " ").replace(";", " ").split() for line in data.decode().splitlines()]
    except UnicodeDecodeError:
        raise InputError(f"{label}: not text; for a numpy file use the extension .npy or .npz") from None
    lines = [line for line in lines if line]
    header = lines[0] if len(lines) > 1 and not _is_number(lines[0][0]) else []
    lines = lines[1:] if header else lines
    try:
        rows = [[float(word) for word in line] for line in lines]
    except ValueError as error:
        raise InputError(f"{label}: {error}; expected numbers") from None
    if header[:2] == ["eigenvalue", "weight"] and {len(row) for row in rows} == {len(header)}:
        columns = list(np.array(rows).T)
        return Dataset.of(from_array(columns[0], columns[1], columns[2] if len(header) > 2 else None, label, feature_space))
    if len({len(row) for row in rows}) == 1 and len(rows) > 1 and len(rows[0]) == len(rows) > 2:
        return Dataset.of(from_array(np.array(rows), None, None, label, feature_space))
    return Dataset.of(from_array(np.array([x for row in rows for x in row]), None, None, label, feature_space))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _numpy(data: bytes, label: str) -> Any:
    if data[:6] != b"\x93NUMPY" and data[:2] not in (b"PK", b"\x80\x04", b"\x80\x05"):
        raise InputError(f"{label}: is not numpy data; for numbers as text use the extension .txt, .csv or .json")
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, MemoryError) as error:
        text = str(error)
        if "pickle" in text.lower():
            raise InputError(f"{label}: holds pickled objects, which are never loaded; save plain numbers") from None
        raise InputError(f"{label}: cannot be read as numpy data ({text or type(error).__name__})") from None
    except Exception as error:  # a damaged zip raises zipfile.BadZipFile, zlib.error, ...
        raise InputError(f"{label}: cannot be read as numpy data ({error})") from None


def load_numbers(path: str) -> NDArray[np.float64]:
    """One-dimensional list of numbers from .npy, .json, .csv or .txt (an alphas_cumprod table).

    Raises
    ------
    InputError
        Missing or unreadable file, or not a list of numbers.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"no file {path!r}; expected a list of numbers (.npy, .json, .csv or .txt)")
    data = file.read_bytes()
    if file.suffix.lower() == ".npy":
        array = np.asarray(_numpy(data, path))
    elif file.suffix.lower() == ".json":
        try:
            array = _numbers(json.loads(data), path)
        except ValueError as error:
            raise InputError(f"{path}: not valid JSON ({error})") from None
    else:
        try:
            array = _numbers([float(w) for w in data.decode().replace(",", " ").split()], path)
        except ValueError:
            raise InputError(f"{path}: not a list of numbers") from None
    if array.dtype.kind not in "fiu" or array.ndim != 1 or array.size == 0:
        raise InputError(f"{path}: expected a list of real numbers, got {array.dtype} of shape {array.shape}")
    return array.astype(np.float64)


READERS: dict[str, Reader] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".json": read_json,
    ".csv": read_text,
    ".txt": read_text,
}

