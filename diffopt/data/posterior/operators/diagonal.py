"""Gains per direction of the prior."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from diffopt.data.posterior.operators.base import Operator
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array, Shape


@dataclass(frozen=True)
class Diagonal(Operator):
    """y_i = gain_i x_i; in the eigenbasis of the prior when the prior is a list of eigenvalues."""

    name: ClassVar[str] = "diagonal"
    summary: ClassVar[str] = "one gain per direction, diagonal:FILE or diagonal:NUMBER"
    pixels: ClassVar[bool] = False
    values: Array = field(default_factory=lambda: np.ones(1))

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or not self.values.size or not np.all(np.isfinite(self.values)):
            raise InputError(f"gains must be a finite list, got shape {self.values.shape}")

    def apply(self, x: Array, shape: Shape) -> Array:
        """Elementwise product."""
        flat = x.reshape(len(x), -1)
        if self.values.size not in (1, flat.shape[1]):
            raise InputError(f"{self.values.size} gains for {flat.shape[1]} directions; give one each, or one for all")
        return flat * self.values
