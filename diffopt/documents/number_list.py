"""A list of numbers from a file of any kind: noise tables, grids, measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.documents.numbers import NumberTable, parse_table
from diffopt.errors import InputError
from diffopt.foundation.array_file import NPY, ZIP, Archive, read_npy
from diffopt.foundation.arrays import Array
from diffopt.foundation.encoding import GZIP, decode, expanded, read_bytes, stdin_bytes, suffix
from diffopt.foundation.nearby import file_hint
from diffopt.foundation.paths import exists
from diffopt.foundation.shown import text as readable
from diffopt.foundation.strict_json import numbers, parse

KINDS = ".npy, .npz, .safetensors, .json, .csv or .txt"
PICKLED = (".pt", ".pth", ".ckpt", ".pkl", ".bin")


@dataclass(frozen=True, eq=False)
class NumberList:
    """Numbers, and the name they have in their file (a key, a column), if any.

    Attributes
    ----------
    values : ndarray, shape (n,)
        Finite or not, as written.
    name : str or None
        In small letters.
    rest : mapping
        Other lists of a file with names.
    """

    values: Array
    name: str | None
    rest: Mapping[str, Array]


def load_list(path: str, names: Sequence[str] = (), key: str | None = None) -> NumberList:
    """Numbers of a file, or of standard input for `-`.

    Parameters
    ----------
    path : str
        File of one of KINDS, also `.gz`.
    names : sequence of str
        Keys or columns to take, the first one there is; without any of them a file must hold one list.
    key : str, optional
        Key or column that must be there.

    Raises
    ------
    InputError
        Missing, unreadable, not numbers, or several lists of which none has a known name.
    """
    data = stdin_bytes() if path == "-" else _bytes(path)
    return list_of(content_of(data, path), names, key, path)


def _bytes(path: str) -> bytes:
    if not exists(path):
        raise InputError(f"no file '{readable(path)[:200]}'{file_hint(path) or f'; expected a list of numbers ({KINDS})'}")
    return read_bytes(Path(path), path)


def holds_arrays(data: bytes, label: str) -> bool:
    """Whether bytes are arrays, or pickles of them, and no text."""
    return data[:6] == NPY or data[:2] == ZIP or suffix(Path(label)) in (".npy", ".npz", ".safetensors", *PICKLED)


def content_of(data: bytes, label: str) -> Any:
    """What bytes hold: an array, a mapping of arrays or of parsed JSON, a list, or a table of text."""
    kind = suffix(Path(label))
    if kind in PICKLED:
        raise InputError(f"{label}: pickles are never loaded; save the list as {KINDS}")
    if data[:2] == GZIP:
        data = expanded(data, label)
    if data[:6] == NPY or kind == ".npy":
        return read_npy(data, label)
    if data[:2] == ZIP or kind == ".npz":
        return Archive(data, label)
    if kind == ".safetensors":
        from diffopt.estimation.decoding.tensors import tensors_in

        return {name: tensor.numbers(data, f"{label}:{name}") for name, tensor in tensors_in(data, label).items()}
    text = decode(data, label)
    if kind == ".json" or text.lstrip()[:1] == "{" or ((kind == "" or label == "-") and text.lstrip()[:1] == "["):
        return parse(text, label)
    return parse_table(text, label, gaps=True)


def load_array(path: str, what: str) -> Array:
    """Numbers of a file with one array: a list or rows of equal length.

    Raises
    ------
    InputError
        Missing, unreadable, or no real numbers.
    """
    label = f"{what} {path}"
    content = content_of(read_bytes(Path(path), label), path)
    if isinstance(content, NumberTable):
        content = content.rows.ravel() if min(content.rows.shape) == 1 else content.rows
    elif isinstance(content, list):
        content = np.array(numbers(content, label), dtype=np.float64)
    if not isinstance(content, np.ndarray) or content.dtype.kind not in "fiu" or not content.size:
        raise InputError(f"{label} holds no real array; give numbers as .npy, .csv or .json")
    return content.astype(np.float64)


def list_of(content: Any, names: Sequence[str], key: str | None, label: str) -> NumberList:
    """One list out of what a file holds."""
    if isinstance(content, NumberTable):
        return _from_table(content, names, key)
    if isinstance(content, Mapping):
        return _from_mapping(content, names, key, label)
    if isinstance(content, list):
        content = np.array(numbers(content, label), dtype=np.float64)
    if not isinstance(content, np.ndarray):
        raise InputError(f"{label}: expected a list of numbers, got {type(content).__name__}")
    return NumberList(vector(content, label), None, {})


def vector(array: NDArray[Any], label: str) -> Array:
    """Real numbers in one dimension.

    Raises
    ------
    InputError
        Another kind or shape.
    """
    if array.dtype.kind not in "fiu" or array.size == 0 or array.ndim != 1:
        raise InputError(f"{label}: expected a list of real numbers, got {array.dtype} of shape {array.shape}")
    return array.astype(np.float64)


def _from_table(table: NumberTable, names: Sequence[str], key: str | None) -> NumberList:
    known = [name.replace("_", " ") for name in ([key] if key else names)]
    if table.names is not None:
        found = next((name for name in known if name in table.names), None)
        if found is not None:
            rest = {n: table.column(n) for n in table.names if n != found}
            return NumberList(table.column(found), found.replace(" ", "_"), rest)
    if key is not None:
        raise InputError(f"{table.label}: no column {key!r}; it has {', '.join(table.names or ()) or 'no header'}")
    bare = table.without_index()
    if min(bare.rows.shape) > 1 or (bare.names is not None and len(bare.names) > 1):
        n, m = bare.rows.shape
        wanted = f"; name one of them {' or '.join(names)}" if names else ""
        raise InputError(f"{table.label}: {n} rows of {m} columns; expected a list of numbers{wanted}")
    return NumberList(bare.rows.ravel(), bare.names[0].replace(" ", "_") if bare.names else None, {})


def _from_mapping(content: Mapping[str, Any], names: Sequence[str], key: str | None, label: str) -> NumberList:
    found = key if key is not None else next((n for n in names if n in content and content[n] is not None), None)
    if found is None:
        lists = [k for k in content if isinstance(content, Archive) or isinstance(content[k], list | np.ndarray)]
        found = lists[0] if len(lists) == 1 else None
    if found is None or found not in content:
        held = ", ".join(str(k)[:40] for k in list(content)[:8]) or "nothing"
        raise InputError(f"{label}: none of {', '.join([key] if key else names)} in it but {held}; expected a list of numbers")
    value = content[found]
    array = value if isinstance(value, np.ndarray) else np.array(numbers(value, f"{label}: {found}"), dtype=np.float64)
    return NumberList(vector(array, f"{label}: {found}"), found.lower(), {})
