"""Samples that are files of their own: images and arrays in a folder or an archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.decoding.member import decode
from diffopt.estimation.members.base import Members
from diffopt.estimation.members.components import split
from diffopt.estimation.members.kinds import kind_of
from diffopt.estimation.members.source import OfMembers
from diffopt.estimation.sources.source import Raw, RawBlock


@dataclass
class MemberSource(OfMembers):
    """Equally shaped members, decoded one by one; the first usable one sets the shape."""

    members: Members

    def __post_init__(self) -> None:
        self.label, self.options = self.members.label, self.members.options
        self.log, self.repeatable = self.options.log, True
        names = self.members.names
        self.count = None if names is None else len(names)
        self.shape, self.dtype = (), np.dtype(np.uint8)
        for name, data in self.members.read(0):
            first = self._usable(name, data)
            if first is not None:
                self.shape, self.dtype, self._first_name = first.shape, first.dtype, name
                self.asks_range = _no_range(name, first)
                break
        else:
            raise InputError(f"{self.label}: {nothing(self.members)}")
        self.choose_channels(self.options.channels)

    @property
    def names(self) -> tuple[str, ...] | None:
        """Of the members, in order; None where a pass has to find them."""
        return self.members.names

    def _usable(self, name: str, data: bytes | InputError) -> Raw | None:
        try:
            if isinstance(data, InputError):
                raise data
            array = decode(f"{self.label}:{name}", data, self.options)
            if array.ndim == 0:
                raise InputError(f"{self.label}:{name}: is a single number, not a sample")
            if self.shape and (array.shape != self.shape or array.dtype != self.dtype):
                raise InputError(self._differs(array, name))
        except InputError as error:
            self.log.refuse(name, error)
            return None
        return array

    def _differs(self, array: Raw, name: str) -> str:
        flat = {array.ndim, len(self.shape)} == {2, 3} and array.shape[:2] == self.shape[:2]
        hint = "bring all to one size and type"
        if flat and array.dtype == self.dtype == np.uint8:
            hint = "grey among colours? add --mode RGB or --mode L"
        elif split(name)[1] != split(self._first_name)[1]:
            hint += f", or choose one with --key {split(self._first_name)[1]}"
        return (
            f"{self.label}:{name}: {array.dtype} of shape {array.shape}, but the first sample is "
            f"{self.dtype} of shape {self.shape}; {hint}"
        )

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Decode members in blocks; a bad member leaves its block shorter."""
        held: list[Raw] = []
        index = start
        for name, data in self.members.read(start):
            if stop is not None and index >= stop:
                break
            array = self._usable(name, data)
            if array is not None:
                held.append(array)
            index += 1
            if (index - start) % size == 0:
                yield index, self._stack(held)
                held = []
        if held or (index - start) % size:
            yield index, self._stack(held)

    def _stack(self, held: list[Raw]) -> Raw:
        return np.stack(held) if held else np.zeros((0, *self.shape), self.dtype)


def _no_range(name: str, array: Raw) -> str | None:
    """Pixels of 32 bits hold numbers of any range."""
    if kind_of(name) != "image" or array.dtype.kind not in "iu" or array.dtype.itemsize < 4:
        return None
    return (
        f"pixels are {array.dtype} (the first from {array.min()} to {array.max()}), which has no usual range; "
        "give one, e.g. --range 0,65535:-1,1, or --scale 1 to keep the numbers"
    )


def nothing(members: Members) -> str:
    """Why there are no samples."""
    components = members.components
    if components.key is not None:
        return f"no member is called .{components.key} (--key)"
    if members.names == () or members.names is None:
        text = members.left_out.text
        return "no images, arrays or sound files in it" + (f": {text}" if text else "")
    return "no usable images or arrays"
