"""Numbers in text: one sample per line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.sources.source import Block, Source, gathered
from diffopt.foundation.guard import reading

SEPARATOR = re.compile(r"[,;\s]+")
#: Longest line that is read; a line without end would fill the memory.
LINE = 1 << 26


def numbers(line: str) -> list[float]:
    """Numbers of a line, separated by commas, semicolons or white space.

    Raises
    ------
    ValueError
        Something else is in the line.
    """
    return [float(part) for part in SEPARATOR.split(line.strip(" \t\r\n,;"))]


@dataclass
class CsvSource(Source):
    """Lines of a text file; lines that start with # and one header line are left out."""

    path: Path
    options: ReadOptions
    repeatable: bool = True
    count: int | None = None
    channels: int | None = None

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        self.dtype = np.dtype(np.float64)
        first = next(self._lines(), None)
        if first is None:
            raise InputError(f"{self.label}: no line of numbers")
        self.shape = (len(first[1]),)

    def _lines(self) -> Iterator[tuple[int, list[float]]]:
        with reading(self.label), self.path.open(encoding="utf-8", errors="strict") as file:
            header_allowed = True
            for number in range(1, 1 << 62):
                line = file.readline(LINE)
                if not line:
                    return
                if len(line) == LINE:
                    raise InputError(f"{self.label}: line {number} is longer than {LINE} characters")
                if not line.strip() or line.startswith("#"):
                    continue
                try:
                    yield number, numbers(line)
                except ValueError:
                    if not header_allowed:
                        self._refuse(number, f"is not numbers: {line.strip()[:40]!r}")
                header_allowed = False

    def _refuse(self, number: int, why: str) -> None:
        name = f"line {number}"
        self.log.refuse(name, InputError(f"{self.label}: {name} {why}"))

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[Block]:
        """Parse the lines in blocks."""
        return gathered(self._pieces(size), start, stop, size)

    def _pieces(self, size: int) -> Iterator[np.ndarray]:
        lines = self._lines()
        while chunk := list(islice(lines, size)):
            good = []
            for number, values in chunk:
                if len(values) == self.shape[0]:
                    good.append(values)
                else:
                    self._refuse(number, f"has {len(values)} numbers, the first line has {self.shape[0]}")
            if good:
                yield np.array(good, dtype=np.float64)


class CsvReader(Reader):
    """`.csv`, `.tsv`, `.txt`, one sample per line."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() in (".csv", ".tsv", ".txt") and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the first line."""
        return CsvSource(path, options)
