"""The samples themselves, or a few projections of each, for data that fit in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from diffopt.estimation.sums.accumulator import Accumulator
from diffopt.foundation.arrays import Array


@dataclass
class KeptRows(Accumulator):
    """The samples themselves, for data that fit in memory."""

    dim: int
    blocks: dict[int, Array] = field(default_factory=dict)

    def add(self, block: Array, first: int) -> None:
        """Keep the block under its place."""
        self.blocks[first] = block.reshape(len(block), self.dim).copy()

    def empty(self) -> KeptRows:
        """Make one with the same dimension and no samples."""
        return KeptRows(self.dim)

    def merge(self, other: Self) -> None:
        """Take over the blocks of another."""
        self.blocks |= other.blocks

    def state(self) -> dict[str, Array]:
        """Nothing: reading is all there is to do."""
        return {}

    def stacked(self) -> Array:
        """All samples in stored order, shape (n, d)."""
        if not self.blocks:
            return np.zeros((0, self.dim))
        return np.concatenate([self.blocks[first] for first in sorted(self.blocks)])


@dataclass
class Projected(Accumulator):
    """Products of every sample with a few directions, for clustering."""

    directions: Array
    rows: KeptRows = field(default_factory=lambda: KeptRows(0))

    def add(self, block: Array, first: int) -> None:
        """Project the block."""
        self.rows.blocks[first] = block.reshape(len(block), -1) @ self.directions

    def empty(self) -> Projected:
        """Make one with the same directions and no samples."""
        return Projected(self.directions)

    def stacked(self) -> Array:
        """All projections in stored order, shape (n, directions)."""
        return self.rows.stacked()
