"""Compressed sensing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.data.posterior.operators.base import Operator
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array, Shape

#: Largest number of entries of the matrix.
MOST = 1 << 26


@dataclass(frozen=True)
class CompressedSensing(Operator):
    """`count` random Gaussian measurements with entries N(0, 1/d), fixed seed."""

    name: ClassVar[str] = "compressed_sensing"
    summary: ClassVar[str] = "Gaussian rows, compressed_sensing:COUNT"
    pixels: ClassVar[bool] = False
    count: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"number of measurements must be at least 1, got {self.count}")

    @property
    def random(self) -> bool:
        """All numbers."""
        return True

    def apply(self, x: Array, shape: Shape) -> Array:
        """Random projections."""
        d = int(np.prod(shape))
        if self.count * d > MOST:
            raise InputError(f"{self.count} measurements of {d} numbers are too many (limit {MOST // d} here)")
        rows = np.random.default_rng(self.seed).standard_normal((self.count, d)) / np.sqrt(d)
        return np.asarray(x.reshape(len(x), -1) @ rows.T)
