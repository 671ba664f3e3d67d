"""NumPy `.npy` files, memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffopt.estimation.readers.base import Reader, ReadOptions, channel_axis
from diffopt.estimation.sources.source import Block, Source, real_dtype, sample_shape
from diffopt.foundation.guard import reading


@dataclass
class NpySource(Source):
    """Rows of a memory-mapped array; mapped anew for each sweep, so that it can be sent to workers."""

    path: Path
    options: ReadOptions
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        with reading(self.label):
            array = np.load(self.path, mmap_mode="r", allow_pickle=False)
            self.dtype = real_dtype(array.dtype, self.label)
            self.shape, self.count = sample_shape(array.shape, self.label)
        self.channels = channel_axis(self.shape, self.options.channels)

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[Block]:
        """Slices of the memory map."""
        assert self.count is not None
        end = self.count if stop is None else min(stop, self.count)
        for begin in range(start, end, size):
            after = min(begin + size, end)
            with reading(self.label):
                # A fresh map per block: pages of the old one would count as memory of this process.
                block = np.asarray(np.load(self.path, mmap_mode="r", allow_pickle=False)[begin:after])
            yield after, block


class NpyReader(Reader):
    """`.npy`, any real dtype, shape (samples, ...); pickled objects are refused."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() == ".npy" and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Map the file."""
        return NpySource(path, options)
