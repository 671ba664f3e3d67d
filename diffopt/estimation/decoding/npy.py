"""Bytes of `.npy`, checked before anything is allocated; nothing is ever unpickled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.decoding.floats import NumberFormat
from diffopt.estimation.sources.source import Raw


@dataclass(frozen=True)
class NpyHeader:
    """What stands before the numbers."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers."""
        return math.prod((self.dtype.itemsize, *self.shape))

    def check(self, available: int, label: str) -> None:
        """Refuse headers that claim more than there is, or pickles.

        Raises
        ------
        InputError
            Objects, negative sides, or fewer bytes than claimed.
        """
        if self.dtype.hasobject:
            raise InputError(f"{label}: holds pickled objects, which are never loaded; save plain numbers")
        if any(n < 0 for n in self.shape):
            raise InputError(f"{label}: claims shape {self.shape}; the file is broken")
        if self.nbytes > available:
            raise InputError(
                f"{label}: claims {self.nbytes} bytes but holds {available}; the file is broken"
            )


def npy_header(stream: IO[bytes]) -> NpyHeader:
    """Header at the beginning of a `.npy` stream."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return NpyHeader(*np.lib.format.read_array_header_1_0(stream))
    if version in ((2, 0), (3, 0)):
        return NpyHeader(*np.lib.format.read_array_header_2_0(stream))
    raise ValueError(f"npy version {version} is not supported")


def decode_npy(stream: IO[bytes], size: int, label: str) -> tuple[Raw, NumberFormat]:
    """Array of a `.npy` stream of `size` bytes in all, and the format of its numbers."""
    header = npy_header(stream)
    header.check(size, label)
    form = NumberFormat.of(header.dtype, label)
    content = stream.read(header.nbytes)
    if len(content) < header.nbytes:
        raise EOFError("the data end too early")
    flat = np.frombuffer(content, form.stored if header.dtype.kind == "V" else header.dtype)
    array = flat.reshape(header.shape[::-1]).T if header.fortran else flat.reshape(header.shape)
    return form.numbers(array), form
