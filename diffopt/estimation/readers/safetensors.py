"""Tensors in `.safetensors` files, mapped without loading the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffopt.estimation.decoding.tensors import Tensor, header_length, tensors_of
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.pick import pick
from diffopt.estimation.sources.source import RawBlock, Source, sample_shape
from diffopt.foundation.guard import reading


@dataclass
class SafetensorsSource(Source):
    """Rows of one tensor."""

    path: Path
    options: ReadOptions
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        tensors = self._tensors()
        self.key = pick({n: t.shape for n, t in tensors.items()}, self.options.key, self.label, self.log)
        self.label = f"{self.path}:{self.key}"
        self._tensor = tensors[self.key]
        self.form = self._tensor.form(self.label)
        self.dtype = self.form.dtype
        self.shape, self.count = sample_shape(self._tensor.shape, self.label)
        self.choose_channels(self.options.channels)

    def _tensors(self) -> dict[str, Tensor]:
        with reading(self.label), self.path.open("rb") as file:
            size = self.path.stat().st_size
            header = file.read(header_length(file.read(8), size, self.label))
        return tensors_of(header, size, self.label)

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Slices of the tensor."""
        assert self.count is not None
        end = self.count if stop is None else min(stop, self.count)
        row = int(np.prod(self.shape))
        for begin in range(start, end, size):
            after = min(begin + size, end)
            with reading(self.label), self.path.open("rb") as file:
                file.seek(self._tensor.begin + begin * row * self.form.stored.itemsize)
                flat = np.fromfile(file, self.form.stored, (after - begin) * row)
                block = self.form.numbers(flat.reshape(after - begin, *self.shape))
            yield after, block


class SafetensorsReader(Reader):
    """`.safetensors`; the tensor is named by `--key` when there are several."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() == ".safetensors" and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the header."""
        return SafetensorsSource(path, options)
