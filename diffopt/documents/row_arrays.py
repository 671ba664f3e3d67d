"""Arrays with samples first in `.npz` and `.safetensors`, read block by block and side by side."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError
from diffopt.estimation.decoding.floats import NumberFormat
from diffopt.estimation.decoding.npy import npy_header
from diffopt.estimation.decoding.tensors import header_length, tensors_of
from diffopt.foundation.arrays import Array
from diffopt.foundation.guard import reading
from diffopt.foundation.nearby import file_hint

#: What the file is.
EXPECTED = "the outputs of a score network: .npz or .safetensors with x0 (or xt), noise, predicted (samples first), sigma"


@dataclass(frozen=True)
class Member:
    """One array of a file: its shape, how its numbers are stored, and where they begin."""

    path: Path
    name: str
    shape: tuple[int, ...]
    form: NumberFormat
    begin: int | None

    @property
    def label(self) -> str:
        """For messages."""
        return f"{self.path}:{self.name}"

    def blocks(self, size: int) -> Iterator[Array]:
        """Rows in blocks of `size`, as float64."""
        row = math.prod(self.shape[1:])
        with reading(self.label), self._stream() as stream:
            for begin in range(0, self.shape[0], size):
                count = min(size, self.shape[0] - begin)
                data = stream.read(count * row * self.form.stored.itemsize)
                if len(data) < count * row * self.form.stored.itemsize:
                    raise EOFError("the data end too early")
                numbers = self.form.numbers(np.frombuffer(data, self.form.stored).reshape(count, *self.shape[1:]))
                yield np.asarray(numbers, dtype=np.float64)

    def _stream(self) -> Any:
        if self.begin is None:
            stream = zipfile.ZipFile(self.path).open(self.name + ".npy")
            npy_header(stream)
            return stream
        file = self.path.open("rb")
        file.seek(self.begin)
        return file

    def whole(self) -> Array:
        """All numbers."""
        return np.concatenate(list(self.blocks(1 << 20)))


def members_of(path: Path) -> Mapping[str, Member]:
    """Arrays of a file by name.

    Raises
    ------
    InputError
        Missing, of another kind, pickled, stored by columns, or damaged.
    """
    if not path.is_file():
        raise InputError(f"no file {str(path)[:200]!r}; expected {EXPECTED}{file_hint(path)}")
    kind = path.suffix.lower()
    if kind == ".npz":
        return _archive(path)
    if kind == ".safetensors":
        return _tensors(path)
    raise InputError(f"{path}: expected {EXPECTED}, got {kind or 'no suffix'!r}")


def _archive(path: Path) -> dict[str, Member]:
    found = {}
    with reading(str(path)), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename:
                continue
            with reading(f"{path}:{name}"), archive.open(info) as stream:
                header = npy_header(stream)
            header.check(info.file_size, f"{path}:{name}")
            if header.fortran and len(header.shape) > 1:
                raise InputError(f"{path}:{name}: stored column by column; save it with numpy.ascontiguousarray")
            if header.dtype.kind in "USOV":  # words beside the numbers, such as a spectrum's facts
                continue
            found[name] = Member(path, name, header.shape, NumberFormat.of(header.dtype, f"{path}:{name}"), None)
    return found


def _tensors(path: Path) -> dict[str, Member]:
    size = path.stat().st_size
    with reading(str(path)), path.open("rb") as file:
        tensors = tensors_of(file.read(header_length(file.read(8), size, str(path))), size, str(path))
    return {n: Member(path, n, t.shape, t.form(f"{path}:{n}"), t.begin) for n, t in tensors.items()}


def array_members(arrays: Mapping[str, Any]) -> Mapping[str, ArrayMember]:
    """The same for arrays in memory."""
    return {name: ArrayMember(name, np.asarray(value)) for name, value in arrays.items()}


@dataclass(frozen=True, eq=False)
class ArrayMember:
    """An array in memory with the face of a member."""

    label: str
    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, samples first."""
        return self.array.shape

    def blocks(self, size: int) -> Iterator[Array]:
        """Rows in blocks of `size`, as float64."""
        if self.array.dtype.kind not in "fiub":
            raise InputError(f"{self.label} must hold real numbers, got dtype {self.array.dtype}")
        for begin in range(0, len(self.array), size):
            yield np.asarray(self.array[begin : begin + size], dtype=np.float64)

    def whole(self) -> Array:
        """All numbers."""
        return np.concatenate([*self.blocks(1 << 20), np.zeros((0, *self.shape[1:]))])
