"""NumPy `.npy` files, memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.estimation.decoding.floats import NumberFormat
from diffopt.estimation.decoding.npy import npy_header
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.sources.source import RawBlock, Source, sample_shape
from diffopt.foundation.guard import reading


@dataclass
class NpySource(Source):
    """Rows of a memory-mapped array; mapped anew for each sweep, so that it can be sent to workers."""

    path: Path
    options: ReadOptions
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        with reading(self.label), self.path.open("rb") as file:
            header = npy_header(file)
            header.check(self.path.stat().st_size - file.tell(), self.label)
        self.form = NumberFormat.of(header.dtype, self.label)
        self.dtype = self.form.dtype
        self.shape, self.count = sample_shape(header.shape, self.label)
        if self.form.remark:
            self.log.remark(self.form.remark)
        self.choose_channels(self.options.channels)

    def _map(self) -> Any:
        return np.load(self.path, mmap_mode="r", allow_pickle=False)

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Slices of the memory map."""
        assert self.count is not None
        end = self.count if stop is None else min(stop, self.count)
        for begin in range(start, end, size):
            after = min(begin + size, end)
            with reading(self.label):
                # A fresh map per block: pages of the old one would count as memory of this process.
                block = self.form.numbers(np.asarray(self._map()[begin:after]))
            yield after, block


class NpyReader(Reader):
    """`.npy`, any real dtype, shape (samples, ...); pickled objects are refused."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() == ".npy" and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Map the file."""
        return NpySource(path, options)
