"""NumPy `.npz` archives, one member streamed without unpacking the archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.decoding.floats import NumberFormat
from diffopt.estimation.decoding.npy import NpyHeader, decode_npy, npy_header
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.pick import pick
from diffopt.estimation.sources.source import Raw, RawBlock, Source, gathered, sample_shape
from diffopt.foundation.guard import reading


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
            self.key = pick({k: h.shape for k, h in headers.items()}, self.options.key, self.label, self.log)
            stored = archive.getinfo(self.key + ".npy")
        self.label = f"{self.path}:{self.key}"
        self._settle(headers[self.key], stored)

    def _settle(self, header: NpyHeader, stored: zipfile.ZipInfo) -> None:
        header.check(stored.file_size, self.label)
        self.header, self.form = header, NumberFormat.of(header.dtype, self.label)
        self.dtype = self.form.dtype
        self.shape, self.count = sample_shape(header.shape, self.label)
        self.options.check_expanded(header.nbytes, stored.compress_size, self.label)
        if self._by_columns:
            # Rows are spread over the whole array, so it has to be in memory.
            self.options.check_member(header.nbytes, f"{self.label}: stored column by column, needs memory")
        if self.form.remark:
            self.log.remark(self.form.remark)
        self.choose_channels(self.options.channels)

    @property
    def _by_columns(self) -> bool:
        return self.header.fortran and len(self.header.shape) > 1

    def _header(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NpyHeader:
        with reading(f"{self.path}:{member.filename}"), archive.open(member) as stream:
            return npy_header(stream)

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Inflate from the beginning, hand out the wanted rows."""
        return gathered(self._pieces(size), start, stop, size)

    def _pieces(self, size: int) -> Iterator[Raw]:
        with (
            reading(self.label),
            zipfile.ZipFile(self.path) as archive,
            archive.open(self.key + ".npy") as stream,
        ):
            if self._by_columns:
                yield decode_npy(stream, archive.getinfo(self.key + ".npy").file_size, self.label)[0]
                return
            npy_header(stream)
            stored = self.form.stored if self.header.dtype.kind == "V" else self.header.dtype
            row = stored.itemsize * int(np.prod(self.shape))
            done = 0
            assert self.count is not None
            while done < self.count:
                rows = min(size, self.count - done)
                data = stream.read(rows * row)
                if len(data) < rows * row:
                    raise EOFError("the data end too early")
                done += rows
                yield self.form.numbers(np.frombuffer(data, stored).reshape(rows, *self.shape))


class NpzReader(Reader):
    """`.npz`; the array of samples is named by `--key` when there are several."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() == ".npz" and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the headers of the archive."""
        return NpzSource(path, options)
