"""What one sweep over the data adds up: sums that can be merged, saved and resumed.

Every accumulator holds sums of functions of the single sample y = x - pilot, so that sums over
parts of the data add. The pilot is any fixed vector near the mean; it only guards against
cancellation and drops out of the results (docs/spectra.md, eq. 2).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from scipy.linalg.blas import dgemm

from diffopt.foundation.arrays import Array

#: Marks a field that adds up; `__post_init__` makes its zeros.
SUM = {"sum": True}


@dataclass
class Accumulator(ABC):
    """Sums over samples; a subclass declares arrays as fields and fills them in :meth:`add`."""

    @abstractmethod
    def add(self, block: Array, first: int) -> None:
        """Add a block of samples, shape (rows, *shape), of which the first is number `first`.

        The block may be overwritten, and must not be kept.
        """

    @abstractmethod
    def empty(self) -> Self:
        """Return an accumulator of the same kind with nothing in it."""

    def merge(self, other: Self) -> None:
        """Add the sums of other samples, in place."""
        for name in self.sums():
            mine = getattr(self, name)
            mine += getattr(other, name)

    def sums(self) -> list[str]:
        """Names of the arrays that add up."""
        return [f.name for f in fields(self) if f.metadata.get("sum")]

    def state(self) -> dict[str, Array]:
        """Arrays of a checkpoint."""
        return {name: getattr(self, name) for name in self.sums()}

    def restore(self, state: dict[str, Array]) -> None:
        """Take over the arrays of a checkpoint, in place."""
        for name in self.sums():
            getattr(self, name)[...] = state[name]


def centered(block: Array, center: Array) -> Array:
    """Rows of the block minus `center`, in place where the memory allows it, shape (rows, d)."""
    rows = np.ascontiguousarray(block).reshape(len(block), -1)
    rows -= center
    return rows


def times(matrix: Array, other: Array, transposed: bool = False) -> Array:
    """Matrix product by scipy's BLAS.

    numpy brings a BLAS of its own, whose threads keep spinning after each product; used in turn with
    scipy's `dsyrk` it halves the speed of that on few cores.
    """
    return np.asarray(dgemm(1.0, matrix, other, trans_a=transposed))
