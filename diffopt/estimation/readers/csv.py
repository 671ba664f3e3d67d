"""Numbers in text: one sample per line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.sources.source import SKIP_HINT, RawBlock, Source, gathered
from diffopt.estimation.tables.choice import HEADERS
from diffopt.estimation.tables.dialect import dialect_of, plain_values
from diffopt.estimation.tables.layout import Layout, layout_of, whole_part
from diffopt.estimation.tables.lines import lines_of
from diffopt.foundation.dialect import Dialect, Line

#: Lines that decide what the table looks like.
LOOKED_AT = 200
SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".asc")
COMPRESSED = ("", ".gz", ".bz2", ".xz")


@dataclass
class CsvSource(Source):
    """Lines of a text file; names, an index and comments are left out."""

    path: Path
    options: ReadOptions
    repeatable: bool = True
    count: int | None = None
    channels: int | None = None

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        self.dtype = np.dtype(np.float64)
        first = [text for _, text in islice(self._lines(), LOOKED_AT)]
        if not first:
            raise InputError(f"{self.label}: no line of numbers")
        self.dialect: Dialect = dialect_of(first, self.label)
        cells = [self.dialect.split(text) for text in first]
        self.layout: Layout = layout_of(cells, self.label, self.options.columns, HEADERS[self.options.header])
        if self.dialect.comma:
            self.log.remark("commas are decimal marks")
        for text in self.layout.remarks:
            self.log.remark(text)
        self.shape = (self.layout.width - len(self.layout.dropped),)

    def _lines(self) -> Iterator[Line]:
        """Lines that are more than separators, such as those that spreadsheets put at the end."""
        return ((n, text) for n, text in lines_of(self.path, self.options) if text.strip(" \t,;"))

    def _refuse(self, number: int, why: str) -> None:
        self.log.refuse(f"line {number}", InputError(f"{self.label}: line {number}: {why}{SKIP_HINT}"))

    def _values(self, number: int, text: str, place: int) -> list[float] | None:
        """Numbers of a line, or None for a bad one."""
        cells = self.dialect.split(text)
        if len(cells) != self.layout.width:
            self._refuse(number, f"{len(cells)} cells, the first line of numbers has {self.layout.width}")
            return None
        start = self.layout.counts_from
        if start is not None and whole_part(cells[0]) != str(start + place):
            raise InputError(
                f"{self.label}: line {number}: the first column counted {start}, {start + 1}, ... and now is "
                f"{cells[0][:40]!r}; an index or a number? Say it with --columns 2-{self.layout.width} or --columns all"
            )
        kept = self.layout.kept(cells)
        fast = plain_values(self.dialect, text, kept)
        return fast if fast is not None else self._slow(number, kept)

    def _slow(self, number: int, cells: list[str]) -> list[float] | None:
        values = []
        for place, cell in enumerate(cells, 1):
            value = self.dialect.number(cell)
            if value is None or math.isnan(value):
                why = "empty cell" if not cell else f"cell {cell[:40]!r} is no number:"
                self._refuse(number, f"{why} {place} of {len(cells)}")
                return None
            values.append(value)
        return values

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Parse the lines in blocks."""
        return gathered(self._pieces(size), start, stop, size)

    def _pieces(self, size: int) -> Iterator[np.ndarray]:
        lines = enumerate(islice(self._lines(), int(self.layout.header), None))
        while chunk := list(islice(lines, size)):
            read = (self._values(number, text, place) for place, (number, text) in chunk)
            good = [values for values in read if values is not None]
            if good:
                yield np.array(good, dtype=np.float64)


class CsvReader(Reader):
    """`.csv`, `.tsv`, `.txt`, one sample per line; also compressed (`.csv.gz`)."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.name.lower().endswith(tuple(s + c for s in SUFFIXES for c in COMPRESSED)) and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the first lines."""
        return CsvSource(path, options)
