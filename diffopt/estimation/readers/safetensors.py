"""Tensors in `.safetensors` files, sliced without loading the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions, channel_axis, pick
from diffopt.estimation.sources.source import Block, Source, sample_shape
from diffopt.foundation.guard import reading, require

DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


@dataclass
class SafetensorsSource(Source):
    """Rows of one tensor."""

    path: Path
    options: ReadOptions
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        with reading(self.label), self._file() as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
            self.key = pick(shapes, self.options.key, self.label)
            kind = file.get_slice(self.key).get_dtype()
        self.label = f"{self.path}:{self.key}"
        if kind not in DTYPES:
            raise InputError(
                f"{self.label}: dtype {kind} is not read; convert it to F32 ({', '.join(DTYPES)} are)"
            )
        self.dtype = np.dtype(DTYPES[kind])
        self.shape, self.count = sample_shape(shapes[self.key], self.label)
        self.channels = channel_axis(self.shape, self.options.channels)

    def _file(self) -> Any:
        module: Any = require("safetensors", "safetensors", "tensors", "reading .safetensors")
        try:
            return module.safe_open(self.path, framework="np")
        except module.SafetensorError as error:
            raise ValueError(str(error)) from error

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[Block]:
        """Slices of the tensor."""
        assert self.count is not None
        end = self.count if stop is None else min(stop, self.count)
        with reading(self.label), self._file() as file:
            tensor = file.get_slice(self.key)
            for begin in range(start, end, size):
                after = min(begin + size, end)
                yield after, np.asarray(tensor[begin:after])


class SafetensorsReader(Reader):
    """`.safetensors`; the tensor is named by `--key` when there are several."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() == ".safetensors" and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the header."""
        return SafetensorsSource(path, options)
