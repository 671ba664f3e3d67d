"""Sources made of other sources: chosen samples, repeated samples, tiles of samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError
from diffopt.estimation.sources.source import RawBlock, Source


@dataclass
class Repeated(Source):
    """Each sample as often as `times` says; 0 leaves it out. Chooses subsets and makes bootstrap samples.

    Attributes
    ----------
    base : Source
        Can be read again and again.
    times : ndarray of int, shape (count,)
    """

    base: Source
    times: NDArray[np.int64]

    def __post_init__(self) -> None:
        base = self.base
        self.label, self.shape, self.dtype, self.log = base.label, base.shape, base.dtype, base.log
        self.channels, self.repeatable = base.channels, base.repeatable
        self.count = int(self.times.sum())
        if base.count is not None and base.count != len(self.times):
            raise InputError(
                f"{base.label}: {base.count} samples, but {len(self.times)} labels; give one each"
            )

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Read everything, keep what is wanted, count what is kept."""
        done = 0
        for after, block in self._kept(size):
            begin, end = max(start - done, 0), len(block) if stop is None else min(len(block), stop - done)
            done += len(block)
            if begin < end:
                yield min(done, after if stop is None else stop), block[begin:end]
            if stop is not None and done >= stop:
                return

    def _kept(self, size: int) -> Iterator[RawBlock]:
        position = kept = 0
        for after, block in self.base.rows(0, None, size):
            if after - position != len(block):
                raise InputError(
                    f"{self.label}: bad samples were skipped, so numbers per sample do not match; mend it"
                )
            times = self.times[position:after]
            if len(times) < len(block):
                raise InputError(f"{self.label}: more samples than labels ({len(self.times)}); give one each")
            position = after
            chosen = np.repeat(block, times, axis=0)
            kept += len(chosen)
            yield kept, chosen
        if position < len(self.times):
            raise InputError(f"{self.label}: {position} samples, but {len(self.times)} labels; give one each")


@dataclass
class Tile(Source):
    """The same cut-out of every sample.

    Attributes
    ----------
    base : Source
    cut : tuple of slice
        One per axis of a sample.
    """

    base: Source
    cut: tuple[slice, ...]

    def __post_init__(self) -> None:
        base = self.base
        self.label, self.dtype, self.log = base.label, base.dtype, base.log
        self.channels, self.repeatable, self.count = base.channels, base.repeatable, base.count
        self.shape = tuple(len(range(*s.indices(n))) for s, n in zip(self.cut, base.shape, strict=True))

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Cut every block."""
        for after, block in self.base.rows(start, stop, size):
            yield after, block[(slice(None), *self.cut)]


def tiles(source: Source, side: int) -> dict[str, Tile]:
    """Non-overlapping tiles with `side` points along each grid axis, by the indices of their corner.

    Raises
    ------
    InputError
        A side that does not fit, or no grid.
    """
    axes = [a for a in range(len(source.shape)) if source.channels is None or a != source.channels]
    if any(not 1 <= side <= source.shape[a] for a in axes):
        raise InputError(f"--patches must be from 1 to the sides of the samples {source.shape}, got {side}")
    counts = [source.shape[a] // side for a in axes]
    if int(np.prod(counts)) > 1024:
        raise InputError(f"--patches {side} makes {int(np.prod(counts))} tiles; at most 1024 are allowed")
    result = {}
    for corner in np.ndindex(*counts):
        cut = [slice(None)] * len(source.shape)
        for axis, index in zip(axes, corner, strict=True):
            cut[axis] = slice(index * side, (index + 1) * side)
        result["tile " + ",".join(map(str, corner))] = Tile(source, tuple(cut))
    return result
