"""What a file of a spectrum holds before it is one: eigenvalues or a covariance, and what stands beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
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
from diffopt.foundation import array_file
from diffopt.foundation.array_file import NPY, ZIP
from diffopt.foundation.encoding import GZIP, decode, expanded, read_bytes, stdin_bytes, suffix
from diffopt.foundation.names import close
from diffopt.foundation.nearby import near_file
from diffopt.foundation.notes import note
from diffopt.foundation.paths import exists, is_folder
from diffopt.foundation.shown import text
from diffopt.foundation.strict_json import numbers, parse

#: Names under which an .npz or .json may hold eigenvalues, a covariance, weights and a mean.
EIGENVALUES = ("eigenvalues", "eigvals", "evals", "eig", "eigenvalue")
COVARIANCE = ("cov", "covariance", "C", "sigma")
MEAN = ("mean", "mu")
#: Which of them is taken of a file that holds several: eigenvalues, which are the spectrum itself.
USUAL = (*EIGENVALUES, *COVARIANCE)

#: Sizes of the layers that FID tools offer beside the usual one.
FEATURES = (64, 192, 512, 768, 1024)
#: Extensions of pictures, and how many entries of a folder are looked at for them.
PICTURES, LOOKED = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}), 1000
#: Other extensions of text.
LIKE = {".tsv": ".txt", ".dat": ".txt"}

#: What the numbers of a file say, and not its provenance.
NUMBERS = {"schema", "eigenvalues", "weights", "mean", "members", "dim", "trace", "max", "rank", "sha256"}

#: (bytes, name for messages, key, names to take in order) -> numbers.
HeldReader = Callable[[bytes, str, str | None, Sequence[str]], "Held"]


@dataclass(frozen=True, eq=False)
class Held:
    """What a file holds, before it is a spectrum.

    Attributes
    ----------
    values : ndarray, shape (n,) or (d, d)
        Eigenvalues, or a covariance.
    weight, mean : ndarray or None
        Multiplicities (n,); mean along the eigenvectors (n,), or of the covariance's own axes (d,).
    label : str
        Name for messages.
    members : Ensemble or None
        Spectra of parts of the data.
    facts : mapping
        Provenance.
    """

    values: NDArray[Any]
    weight: NDArray[Any] | None
    mean: NDArray[Any] | None
    label: str
    members: Ensemble | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def dataset(self, feature_space: bool = False) -> Dataset:
        """The spectrum, its members and its provenance."""
        spectrum = from_array(self.values, self.weight, self.mean, self.label, feature_space)
        return Dataset(spectrum, self.members, {k: v for k, v in self.facts.items() if k not in NUMBERS}, self.label)


def read_held(argument: str, key: str | None = None, names: Sequence[str] = USUAL) -> Held:
    """Numbers of a file, or of standard input for `-`; read and parsed once.

    Parameters
    ----------
    argument : str
        Path or `-`.
    key : str, optional
        Array to take instead of the usual names.
    names : sequence of str
        The usual names in the order in which they are looked for.

    Raises
    ------
    InputError
        Missing, unreadable or unsuitable input.
    """
    if argument == "-":
        return _from_bytes(stdin_bytes(), "-", key, names)
    path = Path(argument)
    kind = suffix(path)
    if is_folder(path):
        raise InputError(f"{text(argument)} is a {_folder(path)}")
    if not exists(path):
        from diffopt.data.builtin import BUILTINS

        near, file = close(argument, sorted(BUILTINS)), near_file(argument)
        meant = file or (f"builtin:{near[0]}" if near else None)
        help_ = f"did you mean {meant}?" if meant else "give a path, - for standard input, or builtin:photos"
        raise InputError(f"no spectrum file '{text(argument)[:200]}'; {help_}")
    label = text(argument)
    if kind == "":
        return _from_bytes(read_bytes(path, label), label, key, names)
    reader = BY_SUFFIX.get(LIKE.get(kind, kind))
    if reader is None:
        raise InputError(
            f"{text(argument)}: unknown kind {path.suffix!r}; use one of {', '.join(BY_SUFFIX)}; to make a spectrum of samples "
            "use `diffopt spectrum estimate`"
        )
    return reader(read_bytes(path, label), label, key, names)


def _from_bytes(data: bytes, label: str, key: str | None, names: Sequence[str]) -> Held:
    """Standard input and a name without an extension: the content tells."""
    if data[:2] == GZIP:
        data = expanded(data, label)
    if data[:6] == NPY:
        return read_npy(data, label, key, names)
    if data[:2] == ZIP:
        return read_npz(data, label, key, names)
    if decode(data, label).lstrip()[:1] in ("{", "["):
        return read_json(data, label, key, names)
    return read_text(data, label, key, names)


def read_npy(data: bytes, label: str, key: str | None, names: Sequence[str]) -> Held:
    """1-D eigenvalues or 2-D covariance."""
    del names
    _one_array(key, label)
    return Held(array_file.read_npy(data, label), None, None, label)


def read_npz(data: bytes, label: str, key: str | None, names: Sequence[str]) -> Held:
    """`eigenvalues` (+ `weights`, `mean`) or `cov` (+ `mean` or `mu`); `key` names another array."""
    archive = array_file.Archive(data, label)
    held = list(archive)
    ours = "probabilities" in held and "eigenvalues_0" in held
    arrays = {name: archive[name] for name in held if ours or _wanted(name, key)}
    facts = _facts(archive["facts"], f"{label}: facts") if "facts" in held else {}
    members = from_npz(arrays, label) if ours and key in (None, "eigenvalues") else None
    return _from_mapping(arrays, held, label, key, names, members, facts)


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


def _wanted(name: str, key: str | None) -> bool:
    return name in (*EIGENVALUES, *COVARIANCE, *MEAN, "weights", "weight") or name == key


def _from_mapping(
    arrays: dict[str, Any], held: list[str], label: str, key: str | None, names: Sequence[str],
    members: Spectrum | Ensemble | None = None, facts: Mapping[str, Any] | None = None,
) -> Held:  # fmt: skip
    if key is not None and key not in arrays:
        raise InputError(f"{label}: no array {key!r}; it holds {', '.join(held) or 'nothing'}")
    chosen = next((name for name in ((key,) if key is not None else names) if name in arrays), None)
    if chosen is None and "_class_name" in held:
        raise InputError(f"{label}: the config of a scheduler holds no spectrum; give it as --scheduler-config {label}")
    if chosen is None:
        raise InputError(f"{label}: none of eigenvalues, cov, covariance in it but {', '.join(held) or 'nothing'}; use --key")
    if chosen in COVARIANCE and np.ndim(arrays[chosen]) != 2:
        raise InputError(
            f"{label}: {chosen!r} has shape {np.shape(arrays[chosen])} and is no covariance matrix; "
            "name variances `eigenvalues`, and square standard deviations before"
        )
    weight = next((arrays[n] for n in ("weights", "weight") if n in arrays), None)
    mean = _mean(arrays, chosen, label)
    size = np.shape(arrays[chosen])[0] if np.ndim(arrays[chosen]) == 2 else 0
    if chosen == "sigma" and "mu" in arrays and size in FEATURES:
        note(f"note: {label}: mu and sigma of {size} numbers is the form of FID statistics, which describe features, not data")
    ensemble = members if isinstance(members, Ensemble) else None
    return Held(np.asarray(arrays[chosen]), weight, mean, label, ensemble, facts or {})


def _mean(arrays: Mapping[str, Any], chosen: str, label: str) -> Any:
    """The mean that belongs to the numbers: of a file with both, `mean` lies along the eigenvectors, and `mu` is in pixels."""
    kinds = [names for names in (EIGENVALUES, COVARIANCE) if any(name in arrays for name in names)]
    if len(kinds) < 2 or chosen not in (*EIGENVALUES, *COVARIANCE):
        return next((arrays[n] for n in MEAN if arrays.get(n) is not None), None)
    own, other = ("mu", "mean") if chosen in COVARIANCE else ("mean", "mu")
    if arrays.get(own) is None and arrays.get(other) is not None:
        where = "`mean` is along eigenvectors and `mu` in pixels"
        note(f"note: {label}: {other!r} is left out: beside eigenvalues and a covariance {where}")
    return arrays.get(own)


def read_json(data: bytes, label: str, key: str | None, names: Sequence[str]) -> Held:
    """A list of numbers, or an object as `diffopt spectrum` writes it."""
    return held_in(parse(data, label), label, key, names)


def held_in(content: Any, label: str, key: str | None = None, names: Sequence[str] = USUAL) -> Held:
    """The numbers of parsed JSON."""
    if isinstance(content, list):
        return Held(_array(content, label), None, None, label)
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
    if schema not in (SPECTRUM_SCHEMA, ENSEMBLE_SCHEMA):
        return _from_mapping(wanted, list(content), label, key, names)
    whole = schema == ENSEMBLE_SCHEMA and key in (None, "eigenvalues")
    return _from_mapping(wanted, list(content), label, key, names, from_document(content, label) if whole else None, content)


def _array(values: Any, label: str) -> NDArray[Any]:
    return np.array(numbers(values, label), dtype=np.float64)


def read_text(data: bytes, label: str, key: str | None, names: Sequence[str]) -> Held:
    """A list of eigenvalues, columns with a header, or a covariance; see :func:`parse_table`."""
    from diffopt.documents.numbers import parse_table
    from diffopt.documents.spectrum_columns import columns_of

    del names
    _one_array(key, label)
    columns = columns_of(parse_table(decode(data, label), label))
    return Held(columns.values, columns.weight, columns.mean, label)


def _one_array(key: str | None, label: str) -> None:
    """Refuse a key of a file without names.

    Raises
    ------
    InputError
        There is one.
    """
    if key is not None:
        raise InputError(f"--key {key} has no effect: {label} holds one array; leave it out")


BY_SUFFIX: dict[str, HeldReader] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".json": read_json,
    ".csv": read_text,
    ".txt": read_text,
}


def _folder(path: Path) -> str:
    """What a folder is that was given for a spectrum, and the way from there."""
    way = "to make a spectrum of samples use `diffopt spectrum estimate`"
    try:
        pictures = any(entry.suffix.lower() in PICTURES for entry in islice(path.iterdir(), LOOKED))
    except OSError:
        pictures = False
    if not pictures:
        return f"folder; {way}"
    return f"folder of pictures; {way}; for a latent model encode them with its VAE first (docs/hosts.md)"
