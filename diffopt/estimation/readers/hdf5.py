"""Datasets in HDF5 files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions, channel_axis, pick
from diffopt.estimation.sources.source import Block, Source, real_dtype, sample_shape
from diffopt.foundation.guard import reading, require


@dataclass
class Hdf5Source(Source):
    """Rows of one dataset."""

    path: Path
    options: ReadOptions
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        with reading(self.label), self._file() as file:
            shapes = self._datasets(file)
            self.key = pick(shapes, self.options.key, self.label)
            data = file[self.key]
            if data.external is not None or data.is_virtual:
                raise InputError(
                    f"{self.path}:{self.key} keeps its numbers in other files; copy them into one"
                )
            shape, dtype, chunk = data.shape, data.dtype, data.chunks
        self.label = f"{self.path}:{self.key}"
        self.dtype = real_dtype(dtype, self.label)
        self.shape, self.count = sample_shape(shape, self.label)
        self.channels = channel_axis(self.shape, self.options.channels)
        if (
            chunk is not None
            and int(np.prod(chunk, dtype=object)) * self.dtype.itemsize > self.options.max_member
        ):
            raise InputError(f"{self.label}: chunks {chunk} are larger than {self.options.max_member} bytes")

    def _file(self) -> Any:
        module: Any = require("h5py", "h5py", "arrays", "reading HDF5")
        return module.File(self.path, "r")

    def _datasets(self, file: Any) -> dict[str, tuple[int, ...] | None]:
        found: dict[str, tuple[int, ...] | None] = {}

        def visit(name: str, node: Any) -> None:
            if hasattr(node, "dtype") and hasattr(node, "shape") and node.shape is not None:
                found[name] = tuple(node.shape)

        # visititems follows neither soft nor external links, so no other file is opened.
        file.visititems(visit)
        return found

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[Block]:
        """Slices of the dataset."""
        assert self.count is not None
        end = self.count if stop is None else min(stop, self.count)
        with reading(self.label), self._file() as file:
            for begin in range(start, end, size):
                after = min(begin + size, end)
                yield after, np.asarray(file[self.key][begin:after])


class Hdf5Reader(Reader):
    """`.h5`, `.hdf5`; the dataset is named by `--key` (a path in the file) when there are several."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() in (".h5", ".hdf5", ".hdf", ".he5") and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Open the file and list its datasets."""
        return Hdf5Source(path, options)
