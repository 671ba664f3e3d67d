"""Bytes of `.safetensors`: an 8-byte length, a JSON header, the numbers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.decoding.floats import NumberFormat
from diffopt.estimation.sources.source import Raw

#: Longest header, as in the format's own library.
HEADER = 100_000_000


@dataclass(frozen=True)
class Tensor:
    """Place and form of one tensor in a file."""

    shape: tuple[int, ...]
    kind: str
    begin: int
    end: int

    def form(self, label: str) -> NumberFormat:
        """Format of its numbers; the byte range must be what the shape needs.

        Raises
        ------
        InputError
            A dtype that is not read, or a range of another size.
        """
        form = NumberFormat.named(self.kind, label)
        needed = math.prod((form.stored.itemsize, *self.shape))
        if self.end - self.begin != needed:
            raise InputError(f"{label}: shape {self.shape} of {self.kind} needs {needed} bytes, "
                             f"the file gives {self.end - self.begin}")  # fmt: skip
        return form

    def numbers(self, data: bytes, label: str) -> Raw:
        """Its numbers out of all bytes of the file."""
        form = self.form(label)
        flat = np.frombuffer(data, np.uint8)[self.begin : self.end].copy().view(form.stored)
        return form.numbers(flat.reshape(self.shape))


def tensors_in(data: bytes, label: str) -> dict[str, Tensor]:
    """Tensors by name of all bytes of a file.

    Raises
    ------
    InputError
        Not such bytes, or offsets outside of them.
    """
    length = header_length(data[:8], len(data), label)
    return tensors_of(data[8 : 8 + length], len(data), label)


def header_length(first: bytes, size: int, label: str) -> int:
    """Bytes of the JSON header, from the first eight of a file of `size` bytes.

    Raises
    ------
    InputError
        Not such a file.
    """
    length = int.from_bytes(first[:8], "little")
    if len(first) < 8 or length > min(HEADER, size - 8):
        raise InputError(f"{label}: is not a safetensors file, or has been cut off")
    return length


def tensors_of(header: bytes, size: int, label: str) -> dict[str, Tensor]:
    """Tensors by name; offsets are those in the file of `size` bytes.

    Raises
    ------
    InputError
        Offsets outside of the file, or a header of another form.
    """
    try:
        entries = json.loads(header)
        found = {str(n): _tensor(e, 8 + len(header)) for n, e in entries.items() if n != "__metadata__"}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{label}: the header is not that of a safetensors file") from None
    for name, tensor in found.items():
        if not 8 + len(header) <= tensor.begin <= tensor.end <= size or min((0, *tensor.shape)) < 0:
            raise InputError(f"{label}: tensor {name[:60]!r} lies outside of the file; it has been cut off")
    return found


def _tensor(entry: Any, base: int) -> Tensor:
    begin, end = (int(n) for n in entry["data_offsets"])
    return Tensor(tuple(int(n) for n in entry["shape"]), str(entry["dtype"]), base + begin, base + end)
