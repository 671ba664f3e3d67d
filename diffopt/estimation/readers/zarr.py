"""Zarr arrays and groups, format 2 and 3, in a directory or a zip file."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.decoding.packing import Packing, left_alone
from diffopt.estimation.members.base import check_name
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.pick import pick
from diffopt.estimation.sources.source import RawBlock, Source, real_dtype, sample_shape
from diffopt.foundation.guard import reading, require

MARKS = ("zarr.json", ".zarray", ".zgroup")
#: Largest metadata file.
META = 1 << 24
#: Most chunks that are counted.
COUNTED = 100_000
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
    """Rows of one array, unpacked as its attributes say."""

    path: Path
    options: ReadOptions
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        shapes = self._arrays()
        self.key = pick(shapes, self.options.key, self.label, self.log)
        self.label = f"{self.path}:{self.key}" if self.key != "." else self.label
        with reading(self.label):
            array = self._array()
            stored = real_dtype(array.dtype, self.label)
            self.shape, self.count = sample_shape(array.shape, self.label)
            chunk = math.prod(array.chunks) * stored.itemsize
            attributes = dict(array.attrs)
            fill = array.metadata.fill_value
            self._say_gaps(array, fill)
        if fill is not None and fill != 0 and not {"_ARRAY_DIMENSIONS", "scale_factor", "add_offset"}.isdisjoint(attributes):
            # xarray keeps _FillValue there in format 2; in packed arrays of others it means the same.
            attributes.setdefault("_FillValue", fill)
        self.packing = Packing.of(attributes, self.label)
        self.dtype = self.packing.dtype(stored)
        self._say(attributes)
        self.options.check_member(chunk, f"{self.label}: chunks {array.chunks}")
        self.choose_channels(self.options.channels)

    def _say_gaps(self, array: Any, fill: Any) -> None:
        """Chunks that nobody wrote are read as the fill value."""
        if array.nchunks > COUNTED:
            return
        absent = array.nchunks - array.nchunks_initialized
        if absent > 0:
            self.log.remark(f"{absent} of {array.nchunks} chunks are not stored and read as the fill value {fill}")

    def _say(self, attributes: dict[str, Any]) -> None:
        if self.packing.changes:
            self.log.remark(self.packing.remark)
        for name in left_alone(attributes):
            self.log.remark(f"the attribute {name!r} is not applied; use --scale and --shift if it should be")
        names = attributes.get("_ARRAY_DIMENSIONS")
        if isinstance(names, list) and names:
            self.log.remark(f"samples along the first axis, {str(names[0])[:40]!r}")

    def _arrays(self) -> dict[str, tuple[int, ...] | None]:
        """Shapes of all arrays below the path, from their metadata; checks the codecs on the way."""
        found: dict[str, tuple[int, ...] | None] = {}
        for name, text in self._metadata():
            with reading(f"{self.path}:{name}"):
                meta = json.loads(text)
                if name.endswith(".zarray") or meta["node_type"] == "array":
                    self._check_codecs(meta)
                    place = str(PurePosixPath(name).parent)
                    found[place] = tuple(int(n) for n in meta["shape"])
        return found

    def _metadata(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the files `.zarray` and `zarr.json`."""
        if self.path.is_file():
            with reading(self.label), zipfile.ZipFile(self.path) as archive:
                for member in archive.infolist():
                    check_name(member.filename, self.label)
                    self.options.check_member(member.file_size, f"{self.path}:{member.filename[:80]}")
                    if PurePosixPath(member.filename).name in (".zarray", "zarr.json") and member.file_size < META:
                        yield member.filename, archive.read(member)
            return
        for mark in (".zarray", "zarr.json"):
            for file in sorted(self.path.rglob(mark))[: self.options.max_members]:
                with reading(str(file)):
                    text = file.read_bytes() if file.stat().st_size < META else b""
                yield file.relative_to(self.path).as_posix(), text

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
        if self.path.is_file():
            store = module.storage.ZipStore(str(self.path), mode="r")
            return module.open_array(store, path="" if self.key == "." else self.key, mode="r")
        return module.open_array(str(self.path / self.key), mode="r")

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Slices of the array."""
        assert self.count is not None
        end = self.count if stop is None else min(stop, self.count)
        with reading(self.label):
            array = self._array()
            for begin in range(start, end, size):
                after = min(begin + size, end)
                yield after, self.packing.apply(np.asarray(array[begin:after]))


def is_zarr_zip(path: Path) -> bool:
    """Whether a zip file has the metadata of a zarr group or array at its root."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(mark in archive.NameToInfo for mark in MARKS)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


class ZarrReader(Reader):
    """A zarr directory or zip file; the array is named by `--key` (a path in the group) when there are several."""

    def recognises(self, path: Path) -> bool:
        """By the metadata files in the directory or zip file, or its suffix."""
        if path.is_file():
            return path.suffix.lower() == ".zip" and is_zarr_zip(path)
        return path.suffix.lower() == ".zarr" or any((path / m).is_file() for m in MARKS)

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the metadata."""
        require("zarr", "zarr", "arrays", "reading zarr")
        return ZarrSource(path, options)
