"""Two columns of numbers in a text file, such as a power spectrum k, P(k)."""

from __future__ import annotations

import math
from pathlib import Path

from diffopt.errors import InputError
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.tables.dialect import dialect_of
from diffopt.estimation.tables.lines import lines_of
from diffopt.foundation.nearby import file_hint


def read_pairs(path: Path, what: str) -> tuple[list[float], list[float]]:
    """Two columns of a table; names in the first line are left out, nothing else.

    Raises
    ------
    InputError
        No file, or a line that is not two finite numbers.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file{file_hint(path)}")
    lines = list(lines_of(path, ReadOptions()))
    if not lines:
        raise InputError(f"{path}: no line of numbers")
    dialect = dialect_of([text for _, text in lines], str(path))
    first: list[float] = []
    second: list[float] = []
    for place, (number, text) in enumerate(lines):
        cells = dialect.split(text)
        values = [dialect.number(cell) for cell in cells]
        if place == 0 and all(value is None for value in values):
            continue
        if len(values) != 2:
            raise InputError(f"{path}: line {number} has {len(values)} columns; {what} needs two")
        good = [v for v in values if v is not None and math.isfinite(v)]
        if len(good) != 2:
            raise InputError(f"{path}: line {number}: {text.strip()[:40]!r} is not two finite numbers")
        first.append(good[0])
        second.append(good[1])
    if not first:
        raise InputError(f"{path}: no line of numbers")
    return first, second
