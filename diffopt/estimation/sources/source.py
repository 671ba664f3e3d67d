"""Where samples come from: the interface, and the sources that need no file format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError
from diffopt.estimation.sources.channels import channels_of
from diffopt.estimation.sources.missing import Missing
from diffopt.foundation.tensors import as_arrays

Raw = NDArray[Any]
#: What to do about bad samples, for those who have not done it.
SKIP_HINT = "; mend the data or add --skip-bad"
#: Index after the last stored sample of the block (bad ones included), and the block itself.
RawBlock = tuple[int, Raw]


@dataclass
class Log:
    """Members that could not be used, when the caller asked to skip them; and what was assumed on the way.

    `missing` says which numbers stand for no value.
    """

    skip: bool = False
    missing: Missing = field(default_factory=Missing)
    bad: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, set[str]] = field(default_factory=dict)

    def refuse(self, name: str, error: InputError) -> None:
        """Remember a bad member, or raise its error when skipping was not asked for."""
        if not self.skip:
            raise error
        self.bad[name] = str(error).removesuffix(SKIP_HINT)

    def remark(self, text: str, name: str = "") -> None:
        """Remember an assumption, and for how many members it was made."""
        self.remarks.setdefault(text, set()).add(name)

    def lines(self) -> list[str]:
        """Assumptions for people, those about several members with their number."""
        return [f"{len(names)} files: {text}" if len(names) > 1 else text for text, names in self.remarks.items()]


class Source(ABC):
    """A finite, ordered set of equally shaped samples.

    Attributes
    ----------
    label : str
        Name for people and error messages.
    shape : tuple of int
        Shape of one sample.
    dtype : numpy.dtype
        As stored: boolean, integer or real.
    count : int or None
        Number of stored samples; None before the first pass over a stream.
    channels : int or None
        Axis of a sample that holds channels; None for none.
    repeatable : bool
        Whether :meth:`rows` can be called again.
    log : Log
        Skipped members.
    doubt : str or None
        Why `channels` cannot be known.
    full_range : (float, float) or None
        Ends of the stored numbers that mean -1 and 1, where the dtype does not tell.
    asks_range : str or None
        Why the caller has to say what the stored numbers mean.
    stationary : bool
        Whether the samples are windows of something longer, so that shifts change nothing.
    """

    label: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    count: int | None
    channels: int | None
    repeatable: bool
    log: Log
    doubt: str | None = None
    full_range: tuple[float, float] | None = None
    asks_range: str | None = None
    stationary: bool = False

    def choose_channels(self, choice: str) -> None:
        """Set the axis of channels, or the doubt about it."""
        chosen = channels_of(self.shape, choice)
        self.channels, self.doubt = chosen.axis, chosen.doubt

    def notes(self) -> list[str]:
        """What people should know about how the samples were found."""
        return []

    @abstractmethod
    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Yield samples `start` to `stop` in blocks of at most `size`, in stored order and units."""

    def head(self, size: int) -> Raw:
        """Return the first few samples, without using up a stream."""
        for _, block in self.rows(0, size, size):
            return block
        return np.zeros((0, *self.shape))


@dataclass
class ArraySource(Source):
    """Anything with shape, dtype and slices along its first axis: an array, a memory map, a dask array."""

    array: Any
    label: str = "array"
    channels: int | None = None
    log: Log = field(default_factory=Log)
    repeatable: bool = True

    def __post_init__(self) -> None:
        self.shape, self.count = sample_shape(self.array.shape, self.label)
        self.dtype = real_dtype(self.array.dtype, self.label)

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Slices of the array."""
        return sliced(self.array, start, stop, size)


def sliced(array: Any, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
    """Blocks of consecutive rows of anything that can be sliced."""
    end = array.shape[0] if stop is None else min(stop, array.shape[0])
    for begin in range(start, end, size):
        after = min(begin + size, end)
        yield after, np.asarray(array[begin:after])


@dataclass
class StreamSource(Source):
    """Blocks of samples out of a Python iterable, or of a function that returns a fresh one each time."""

    blocks: Iterable[Any] | Callable[[], Iterable[Any]]
    label: str = "generator"
    channels: int | None = None
    log: Log = field(default_factory=Log)
    count: int | None = None

    def __post_init__(self) -> None:
        self.repeatable = callable(self.blocks)
        iterator = self._fresh()
        first = as_arrays(next(iterator, None), self.label)
        if first is None:
            raise InputError(f"{self.label}: no samples")
        self.shape, _ = sample_shape(np.shape(first), self.label)
        self.dtype = real_dtype(np.asarray(first).dtype, self.label)
        self._first = np.asarray(first)
        self._rest = None if self.repeatable else chain([first], iterator)

    def head(self, size: int) -> Raw:
        """Return the start of the first block."""
        return self._first[:size]

    def _fresh(self) -> Iterator[Any]:
        return iter(self.blocks() if callable(self.blocks) else self.blocks)

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Blocks of the iterable, cut to the wanted size."""
        iterator = self._fresh() if self._rest is None else self._rest
        return gathered(self._checked(iterator), start, stop, size)

    def _checked(self, blocks: Iterable[Any]) -> Iterator[Raw]:
        for number, block in enumerate(blocks):
            array = np.asarray(as_arrays(block, self.label))
            if array.ndim == 0 or array.shape[1:] != self.shape:
                raise InputError(
                    f"{self.label}: block {number} has shape {array.shape}, expected (n, *{self.shape})"
                )
            real_dtype(array.dtype, f"{self.label}: block {number}")
            yield array


def gathered(pieces: Iterable[Raw], start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
    """Re-cut pieces of any length into blocks of exactly `size` samples (the last one may be shorter).

    Fixed blocks make the sums, and so the results, independent of how the pieces arrived.
    """
    position, held, length = 0, [], 0
    for piece in pieces:
        begin, end = max(start - position, 0), len(piece)
        if stop is not None:
            end = min(end, stop - position)
        position += len(piece)
        while begin < end:
            part = piece[begin : min(end, begin + size - length)]
            held.append(part)
            length += len(part)
            begin += len(part)
            if length == size:
                yield position - len(piece) + begin, np.concatenate(held)
                held, length = [], 0
        if stop is not None and position >= stop:
            break
    if held:
        yield position if stop is None else min(position, stop), np.concatenate(held)


def sample_shape(shape: tuple[int, ...], label: str) -> tuple[tuple[int, ...], int]:
    """Shape of a sample and number of samples of an array of samples.

    Raises
    ------
    InputError
        Fewer than two axes, or an empty axis.
    """
    if len(shape) < 2:
        raise InputError(
            f"{label}: shape {tuple(shape)} holds no samples; expected (samples, ...) with 2 axes or more"
        )
    if 0 in shape:
        raise InputError(f"{label}: shape {tuple(shape)} is empty")
    return tuple(int(n) for n in shape[1:]), int(shape[0])


def real_dtype(dtype: Any, label: str) -> np.dtype[Any]:
    """Accept booleans, integers and reals.

    Raises
    ------
    InputError
        Complex numbers, objects (pickles), text, records, dates.
    """
    made: np.dtype[Any] = np.dtype(dtype)
    if made.kind not in "fiub":
        raise InputError(f"{label}: dtype {made} is not allowed; samples must be real numbers")
    return made
