"""Zarr arrays and groups, format 2 and 3, in a directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions, channel_axis, pick
from diffopt.estimation.sources.source import Block, Source, real_dtype, sample_shape
from diffopt.foundation.guard import reading, require

MARKS = ("zarr.json", ".zarray", ".zgroup")
#: Codecs that decode numbers and nothing else; object codecs such as `pickle` run code.
CODECS = {
    "blosc", "zstd", "gzip", "zlib", "lz4", "lzma", "bz2", "bytes", "endian", "transpose", "crc32c",
    "crc32", "adler32", "fletcher32", "jenkins_lookup3", "shuffle", "delta", "fixedscaleoffset",
    "bitround", "quantize", "packbits", "astype", "sharding_indexed",
    "numcodecs.blosc", "numcodecs.zstd", "numcodecs.zlib",
    "numcodecs.lz4", "numcodecs.shuffle", "numcodecs.delta",
}  # fmt: skip


@dataclass
class ZarrSource(Source):
    """Rows of one array."""

    path: Path
    options: ReadOptions
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        shapes = self._arrays()
        self.key = pick(shapes, self.options.key, self.label)
        self.label = f"{self.path}:{self.key}" if self.key != "." else self.label
        with reading(self.label):
            array = self._array()
            self.dtype = real_dtype(array.dtype, self.label)
            self.shape, self.count = sample_shape(array.shape, self.label)
            chunk = int(np.prod(array.chunks, dtype=object)) * self.dtype.itemsize
        if chunk > self.options.max_member:
            raise InputError(f"{self.label}: chunks of {chunk} bytes; allowed are {self.options.max_member}")
        self.channels = channel_axis(self.shape, self.options.channels)

    def _arrays(self) -> dict[str, tuple[int, ...] | None]:
        """Shapes of all arrays below the path, from their metadata; checks the codecs on the way."""
        found: dict[str, tuple[int, ...] | None] = {}
        for mark in (".zarray", "zarr.json"):
            for file in sorted(self.path.rglob(mark))[: self.options.max_members]:
                with reading(f"{self.path}:{file.relative_to(self.path)}"):
                    meta = json.loads(file.read_text())
                    if mark == ".zarray" or meta["node_type"] == "array":
                        self._check_codecs(meta)
                        found[str(file.parent.relative_to(self.path))] = tuple(int(n) for n in meta["shape"])
        return found

    def _check_codecs(self, meta: dict[str, Any]) -> None:
        named = [*(meta.get("filters") or []), *(meta.get("codecs") or [])]
        named += [meta["compressor"]] if meta.get("compressor") else []
        for codec in named:
            name = str(codec.get("id") or codec.get("name")).lower()
            if name not in CODECS:
                raise InputError(
                    f"{self.path}: zarr codec {name!r} is not allowed; only codecs of numbers are"
                )

    def _array(self) -> Any:
        module: Any = require("zarr", "zarr", "arrays", "reading zarr")
        return module.open_array(str(self.path / self.key), mode="r")

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[Block]:
        """Slices of the array."""
        assert self.count is not None
        end = self.count if stop is None else min(stop, self.count)
        with reading(self.label):
            array = self._array()
            for begin in range(start, end, size):
                after = min(begin + size, end)
                yield after, np.asarray(array[begin:after])


class ZarrReader(Reader):
    """A zarr directory; the array is named by `--key` (a path in the group) when there are several."""

    def recognises(self, path: Path) -> bool:
        """By the metadata files in the directory, or its suffix."""
        return path.is_dir() and (path.suffix.lower() == ".zarr" or any((path / m).is_file() for m in MARKS))

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the metadata."""
        require("zarr", "zarr", "arrays", "reading zarr")
        return ZarrSource(path, options)
