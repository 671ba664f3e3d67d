"""Super-resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.data.posterior.operators.base import Operator
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array, Shape


@dataclass(frozen=True)
class SuperResolution(Operator):
    """Means over blocks of `factor` pixels along every axis."""

    name: ClassVar[str] = "super_resolution"
    summary: ClassVar[str] = "block means, super_resolution:FACTOR"
    factor: int = 2

    def __post_init__(self) -> None:
        if self.factor < 1:
            raise InputError(f"super-resolution factor must be at least 1, got {self.factor}")

    def apply(self, x: Array, shape: Shape) -> Array:
        """Block means."""
        if any(n % self.factor for n in shape):
            raise InputError(f"super-resolution factor {self.factor} does not divide the shape {shape}")
        split = [part for n in shape for part in (n // self.factor, self.factor)]
        blocks = x.reshape(len(x), *split)
        return np.asarray(blocks.mean(axis=tuple(range(2, blocks.ndim, 2))).reshape(len(x), -1))
