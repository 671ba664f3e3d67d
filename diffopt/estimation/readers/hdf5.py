"""Datasets in HDF5 files, netCDF-4 among them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.decoding.packing import Packing, left_alone
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.pick import pick
from diffopt.estimation.sources.source import RawBlock, Source, real_dtype, sample_shape
from diffopt.foundation.guard import reading, require


@dataclass
class Hdf5Source(Source):
    """Rows of one dataset, unpacked as its attributes say."""

    path: Path
    options: ReadOptions
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.label, self.log = str(self.path), self.options.log
        self._check_classic()
        with reading(self.label), self._file() as file:
            self.key = pick(self._datasets(file), self.options.key, self.label, self.log)
            data = file[self.key]
            if data.external is not None or data.is_virtual:
                raise InputError(
                    f"{self.path}:{self.key} keeps its numbers in other files; copy them into one"
                )
            shape, stored, chunk = data.shape, data.dtype, data.chunks
            attributes = {str(n): data.attrs[n] for n in data.attrs if n not in ("DIMENSION_LIST", "REFERENCE_LIST")}
            self._say_axis(data)
        self.label = f"{self.path}:{self.key}"
        self.packing = Packing.of(attributes, self.label)
        self.dtype = self.packing.dtype(real_dtype(stored, self.label))
        self.shape, self.count = sample_shape(shape, self.label)
        self._say_packing(attributes)
        self.choose_channels(self.options.channels)
        self.options.check_member(math.prod(chunk or ()) * stored.itemsize, f"{self.label}: chunks {chunk}")

    def _check_classic(self) -> None:
        with reading(self.label), self.path.open("rb") as file:
            if file.read(3) == b"CDF":
                raise InputError(f"{self.label}: classic netCDF is not read; convert it: nccopy -k nc4 IN.nc OUT.nc")

    def _say_axis(self, data: Any) -> None:
        """Name the axis of the samples, where dimension scales do."""
        names = [str(s.name).rpartition("/")[2] for s in data.dims[0].values()] if len(data.dims) else []
        if names:
            self.log.remark(f"samples along the first axis, {names[0]!r}")

    def _say_packing(self, attributes: dict[str, Any]) -> None:
        if self.packing.changes:
            self.log.remark(self.packing.remark)
        for name in left_alone(attributes):
            self.log.remark(f"the attribute {name!r} is not applied; use --scale and --shift if it should be")

    def _file(self) -> Any:
        module: Any = require("h5py", "h5py", "arrays", "reading HDF5")
        return module.File(self.path, "r")

    def _datasets(self, file: Any) -> dict[str, tuple[int, ...] | None]:
        found: dict[str, tuple[int, ...] | None] = {}

        def visit(name: str, node: Any) -> None:
            if hasattr(node, "dtype") and getattr(node, "shape", None) is not None and not node.is_scale:
                found[name] = tuple(node.shape)

        # visititems follows neither soft nor external links, so no other file is opened.
        file.visititems(visit)
        return found

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Slices of the dataset."""
        assert self.count is not None
        end = self.count if stop is None else min(stop, self.count)
        with reading(self.label), self._file() as file:
            for begin in range(start, end, size):
                after = min(begin + size, end)
                yield after, self.packing.apply(np.asarray(file[self.key][begin:after]))


class Hdf5Reader(Reader):
    """`.h5`, `.hdf5`, `.nc`; the dataset is named by `--key` (a path in the file) when there are several."""

    SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5", ".nc", ".nc4", ".netcdf")

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() in self.SUFFIXES and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Open the file and list its datasets."""
        return Hdf5Source(path, options)
