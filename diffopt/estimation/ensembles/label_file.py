"""Labels of samples from a file: lists, tables with names, one-hot rows, EDM's dataset.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.sources.source import Source
from diffopt.estimation.tables.layout import CLASS_NAMES, counting
from diffopt.estimation.tables.lines import lines_of
from diffopt.foundation.dialect import NUMBER, Dialect
from diffopt.foundation.guard import reading
from diffopt.foundation.strict_json import parse

#: Most labels of a text file.
MOST = 50_000_000


def _begins_as_json(path: Path) -> bool:
    """A document out of a pipe, which has no name of its own."""
    with reading(str(path)), path.open("rb") as stream:
        return stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def read_labels(path: Path, source: Source) -> NDArray[np.str_]:
    """Label of each sample as text.

    From `.npy` (a list, or one-hot rows), text (one a line; a table with a column `label` or `class`, or with the names
    of the files first), or JSON (EDM's `dataset.json`, a list, or labels by name).

    Raises
    ------
    InputError
        Unreadable, of the wrong length, labels of other files, or a table of another form.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        labels = _array(path)
    elif suffix == ".json" or (suffix == ".csv" and _begins_as_json(path)):
        labels = _json(path, source)
    elif suffix in (".npz", ".h5", ".pt", ".pkl"):
        raise InputError(f"{path}: labels are read from .npy, .txt, .csv or .json; save the list as .npy")
    else:
        labels = _text(path, source)
    if not labels:
        raise InputError(f"{path}: no labels")
    if source.count is not None and len(labels) != source.count:
        raise InputError(f"{path}: {len(labels)} labels for {source.count} samples; give one each")
    return np.asarray(labels, dtype=np.str_)


def _array(path: Path) -> list[str]:
    with reading(str(path)):
        values = np.load(path, allow_pickle=False)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "fiub":
        return _one_hot(values, path)
    if values.ndim != 1 or values.dtype.kind not in "fiubUS":
        raise InputError(f"{path}: labels must be a list or one-hot rows, got {values.dtype} of shape {values.shape}")
    if values.dtype.kind == "S":
        values = np.char.decode(values)
    return [_text_of(v) for v in values.tolist()]


def _text_of(value: Any) -> str:
    """Whole floats as whole numbers, so that 1.0 and 1 are one class."""
    if isinstance(value, float) and not np.isfinite(value):
        raise InputError("labels hold NaN or infinite values; give every sample a label")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _one_hot(rows: NDArray[Any], path: Path) -> list[str]:
    if rows.shape[1] < 2 or not np.isin(rows, (0, 1)).all() or not (rows.sum(axis=1) == 1).all():
        raise InputError(
            f"{path}: shape {rows.shape}; labels must be a list, one per sample, or one-hot rows with a single 1 each"
        )
    return [str(i) for i in rows.argmax(axis=1)]


def _json(path: Path, source: Source) -> list[str]:
    with reading(str(path)):
        content = path.read_bytes()
    document = parse(content, str(path))
    pairs = document.get("labels") if isinstance(document, dict) else document
    if isinstance(document, dict) and "labels" not in document:
        pairs = [[name, label] for name, label in document.items()]
    if not isinstance(pairs, list):
        raise InputError(f"{path}: no list `labels`; expected EDM's dataset.json, a list, or labels by name")
    if not any(isinstance(p, list) for p in pairs):
        return [_scalar(p, path) for p in pairs]
    if not all(isinstance(p, list) and len(p) == 2 for p in pairs):
        raise InputError(f"{path}: labels must be pairs of a file name and its class")
    return by_name([(str(n), _scalar(label, path)) for n, label in pairs], source, path)


def _scalar(label: Any, path: Path) -> str:
    if not isinstance(label, str | int | float):
        raise InputError(f"{path}: {str(label)[:40]!r} is no label; one text or number per sample")
    return _text_of(label)


def by_name(pairs: Sequence[tuple[str, str]], source: Source, path: Path) -> list[str]:
    """Labels in the order of the samples, matched by their file names, with or without folder and suffix.

    Raises
    ------
    InputError
        A sample without a label, or names that fit two samples.
    """
    names: Sequence[str] | None = getattr(source, "names", None)
    if names is None:
        return [label for _, label in pairs]
    for simplify in (str, _base, _stem):
        table: dict[str, str] = {}
        for name, label in pairs:
            if table.setdefault(simplify(name), label) != label:
                raise InputError(f"{path}: two labels for {simplify(name)[:80]!r}")
        if all(simplify(name) in table for name in names):
            return [table[simplify(name)] for name in names]
    missing = [name for name in names if _stem(name) not in table]
    raise InputError(f"{path}: no label for {missing[0]} and {len(missing) - 1} others")


def _base(name: str) -> str:
    return PurePosixPath(name).name


def _stem(name: str) -> str:
    return PurePosixPath(name).name.partition(".")[0]


def _text(path: Path, source: Source) -> list[str]:
    lines = [text for text, _ in zip((t for _, t in lines_of(path, ReadOptions())), range(MOST), strict=False)]
    if not lines:
        raise InputError(f"{path}: no labels")
    separator = next((s for s in (";", "\t", ",") if s in lines[-1]), None)
    rows = [Dialect(separator).split(line) if separator else [line.strip().strip('"')] for line in lines]
    width = len(rows[-1])
    odd = next((i for i, row in enumerate(rows) if len(row) != width), None)
    if odd is not None:
        raise InputError(f"{path}: row {odd + 1} has {len(rows[odd])} cells, the last {width}")
    empty = next((i for i, row in enumerate(rows[1:], 2) if not row[-1]), None)
    if empty is not None:
        raise InputError(f"{path}: row {empty} has an empty cell; give every sample a label")
    return _single([r[0] for r in rows], source, path) if width == 1 else _columns(rows, source, path)


def _single(values: list[str], source: Source, path: Path) -> list[str]:
    """One column; a first line too much is its name."""
    named = values[0].lower() in CLASS_NAMES
    alone = source.count is not None and len(values) == source.count + 1 and values[0] not in values[1:]
    words = not NUMBER.match(values[0]) and all(NUMBER.match(v) for v in values[1:])
    if named or alone or (words and len(values) > 1):
        values = values[1:]
        source.log.remark(f"the first line of {path.name} is left out as the name of the labels")
    return values


def _columns(rows: list[list[str]], source: Source, path: Path) -> list[str]:
    """Two columns or more: names or numbers of samples and a class, or one-hot rows."""
    first = [cell.lower() for cell in rows[0]]
    column = next((i for i, name in enumerate(first) if name in CLASS_NAMES), None)
    body = rows if column is None else rows[1:]
    if column is None and not any(NUMBER.match(c) for c in rows[0]) and all(NUMBER.match(c) for r in rows[1:] for c in r):
        body = rows[1:]
    hot = all(set(row) <= {"0", "1"} and row.count("1") == 1 for row in body)
    if column is None and len(rows[0]) == 2 and not (hot and counting(body) is None):
        column = 1
        if source.count is not None and len(rows) == source.count + 1:
            body = rows[1:]
    if column is None and hot:
        source.log.remark(f"{path.name} is read as one-hot rows")
        return [str(row.index("1")) for row in body]
    if column is None:
        raise InputError(f"{path}: {len(rows[0])} columns and none called label or class; name one, or keep it alone")
    return _matched([(row[0], row[column]) for row in body], column, source, path)


def _matched(pairs: list[tuple[str, str]], column: int, source: Source, path: Path) -> list[str]:
    """Labels beside names or numbers of the samples."""
    labels = [label for _, label in pairs]
    if column == 0:
        return labels
    numbers = [int(n) for n, _ in pairs if n.isascii() and n.isdigit() and len(n) < 16]
    names: Mapping[str, object] | Sequence[str] | None = getattr(source, "names", None)
    if names is not None and {_stem(n) for n in names} <= {_stem(n) for n, _ in pairs}:
        return by_name(pairs, source, path)
    if len(numbers) == len(pairs) and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return labels
    if len(numbers) == len(pairs):
        raise InputError(f"{path}: the first column does not count the samples in order; sort the rows, or keep the labels alone")
    raise InputError(f"{path}: no label for some samples: the names in the first column are not those of {source.label}")
