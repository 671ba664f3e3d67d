"""Scaled float64 blocks of samples: what every method sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dgemv

from diffopt.errors import InputError
from diffopt.estimation.sources.masked import Fixed, all_bad
from diffopt.estimation.sources.scaling import Scaling
from diffopt.estimation.sources.source import SKIP_HINT, Source
from diffopt.foundation.arrays import Array

#: Bytes of one float64 block: large enough for full BLAS speed, small enough to stay in the cache.
BLOCK_BYTES = 16 << 20
#: Rows below which products with blocks become slow, and the bytes that may be spent to reach them.
LEAST_ROWS, MOST_BYTES = 64, 128 << 20
#: Samples whose mean is subtracted before anything is summed (it only guards against cancellation).
PILOT = 64


@dataclass
class Samples:
    """A source in model units, as float64 blocks of shape (rows, *shape).

    Attributes
    ----------
    source : Source
        Raw samples.
    scaling : Scaling
        Applied to every number.
    block : int
        Rows per block; 0 chooses it from the dimension.
    fixed : Fixed or None
        Positions that never vary, once a sweep has seen all samples.
    """

    source: Source
    scaling: Scaling = field(default_factory=Scaling)
    block: int = 0
    fixed: Fixed | None = field(default=None, compare=False, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.source.shape

    @property
    def dim(self) -> int:
        """Numbers in one sample."""
        return int(np.prod(self.shape))

    @property
    def rows(self) -> int:
        """Rows per block."""
        row = 8 * self.dim
        return self.block or max(1, min(65536, max(BLOCK_BYTES // row, min(LEAST_ROWS, MOST_BYTES // row))))

    def blocks(self, start: int = 0, stop: int | None = None, fixed: Fixed | None = None) -> Iterator[tuple[int, Array]]:
        """Yield (index after the block, finite float64 array of shape (rows, *shape)).

        The array is a buffer that the next block overwrites; the receiver may change it, not keep it. `fixed` is shown
        every block.

        Raises
        ------
        InputError
            NaN, infinite or missing values, unless bad samples are to be skipped; a number that looks like a missing value.
        """
        buffer = np.empty((0, *self.shape))
        for after, raw in self.source.rows(start, stop, self.rows):
            if len(raw) > len(buffer):
                # One buffer for all blocks: fresh memory for each would cost as much as the conversion.
                buffer = np.empty((len(raw), *self.shape))
            block = buffer[: len(raw)]
            block[...] = raw
            if self.scaling.scale != 1:
                block *= self.scaling.scale
            if self.scaling.shift:
                block += self.scaling.shift
            usable = self._finite(block, after - len(raw), self._missing(raw))
            if fixed is not None:
                fixed.see(usable)
            yield after, usable

    def _missing(self, raw: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Rows with numbers that stand for no value; None where there are none to look for."""
        flat, missing = np.asarray(raw).reshape(len(raw), self.dim), self.source.log.missing
        missing.check(flat, self.source.label)
        return missing.rows(flat) if missing.values else None

    def _finite(self, block: Array, first: int, missing: NDArray[np.bool_] | None) -> Array:
        # A sum is finite only if all its terms are; it takes one fast pass, isfinite() three slow ones.
        if not len(block):  # all that the block had was left out by the reader
            return block
        flat = block.reshape(len(block), self.dim)
        with np.errstate(all="ignore"):
            sums = np.asarray(dgemv(1.0, flat.T, np.ones(self.dim), trans=1))
        if np.isfinite(sums).all() and (missing is None or not missing.any()):
            return block
        good = np.asarray(np.isfinite(flat).all(axis=1), dtype=bool)
        if missing is not None:
            good &= ~missing
        if not self.source.log.skip and not good.all() and (reason := all_bad(self.source)):
            raise InputError(reason)
        for row in np.flatnonzero(~good):
            name = f"sample {first + row}"
            self.source.log.refuse(
                name,
                InputError(f"{self.source.label}: {name} has NaN, infinite or missing values{SKIP_HINT}"),
            )
        return np.asarray(block[good])

    def pilot(self) -> Array:
        """Mean of the first few finite samples in model units, shape `shape`, whatever the block size."""
        stored = np.asarray(self.source.head(min(PILOT, max(1, MOST_BYTES // (8 * self.dim)))))
        raw = stored[~self.source.log.missing.rows(stored.reshape(len(stored), self.dim))].astype(np.float64)
        raw = raw[np.isfinite(raw.reshape(len(raw), self.dim)).all(axis=1)]
        if not len(raw):
            return np.zeros(self.shape)
        return np.asarray(raw.mean(axis=0) * self.scaling.scale + self.scaling.shift)
