"""NumPy `.npz` archives, one member streamed without unpacking the archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions, channel_axis, pick
from diffopt.estimation.sources.source import Block, Source, gathered, real_dtype, sample_shape
from diffopt.foundation.guard import reading

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


def npy_header(stream: IO[bytes]) -> Header:
    """Shape, Fortran order and dtype at the head of a `.npy` stream; nothing is unpickled."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"npy version {version} is not supported")


@dataclass
class NpzSource(Source):
    """Rows of one array of the archive, inflated as they are read."""

    path: Path
    options: ReadOptions
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        with reading(self.label), zipfile.ZipFile(self.path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            if len(members) > 10_000:
                raise InputError(f"{self.label}: {len(members)} arrays; at most 10000 are allowed")
            headers = {m.filename[:-4]: self._header(archive, m) for m in members}
            self.key = pick({k: h[0] for k, h in headers.items()}, self.options.key, self.label)
            shape, fortran, dtype = headers[self.key]
            size = archive.getinfo(self.key + ".npy").file_size
        self.label = f"{self.path}:{self.key}"
        self.dtype = real_dtype(dtype, self.label)
        self.shape, self.count = sample_shape(shape, self.label)
        self._check(shape, fortran, size)
        self.channels = channel_axis(self.shape, self.options.channels)

    def _header(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header:
        with reading(f"{self.path}:{member.filename}"), archive.open(member) as stream:
            return npy_header(stream)

    def _check(self, shape: tuple[int, ...], fortran: bool, size: int) -> None:
        needed = int(np.prod([self.dtype.itemsize, *shape], dtype=object))
        if fortran and len(shape) > 1:
            raise InputError(f"{self.label}: stored column by column; save it with numpy.ascontiguousarray")
        if needed > size:
            raise InputError(
                f"{self.label}: claims {needed} bytes but the archive holds {size}; the file is broken"
            )
        if needed > self.options.max_expanded:
            raise InputError(
                f"{self.label}: expands to {needed} bytes; allowed are {self.options.max_expanded}"
            )

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[Block]:
        """Inflate from the beginning, hand out the wanted rows."""
        return gathered(self._pieces(size), start, stop, size)

    def _pieces(self, size: int) -> Iterator[np.ndarray]:
        row = self.dtype.itemsize * int(np.prod(self.shape))
        with (
            reading(self.label),
            zipfile.ZipFile(self.path) as archive,
            archive.open(self.key + ".npy") as stream,
        ):
            npy_header(stream)
            done = 0
            assert self.count is not None
            while done < self.count:
                rows = min(size, self.count - done)
                data = stream.read(rows * row)
                if len(data) < rows * row:
                    raise EOFError("the data end too early")
                done += rows
                yield np.frombuffer(data, self.dtype).reshape(rows, *self.shape)


class NpzReader(Reader):
    """`.npz`; the array of samples is named by `--key` when there are several."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() == ".npz" and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the headers of the archive."""
        return NpzSource(path, options)
