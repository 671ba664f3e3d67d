"""Products of the covariance with vectors, and random combinations of samples."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg.blas import dgemm

from diffopt.estimation.sums.accumulator import SUM, Accumulator, centered, times
from diffopt.foundation.arrays import Array


@dataclass
class Product(Accumulator):
    """Sum of y (y'V): the covariance times a few vectors, without the covariance.

    Attributes
    ----------
    center, vectors : ndarray, shapes (d,) and (d, p)
        The exact mean, and V.
    image : ndarray, shape (d, p)
    """

    center: Array
    vectors: Array
    image: Array = field(init=False, metadata=SUM)

    def __post_init__(self) -> None:
        self.center = self.center.reshape(-1)
        self.vectors = np.asfortranarray(self.vectors)
        self.image = np.zeros_like(self.vectors)

    def add(self, block: Array, _first: int = 0) -> None:
        """Two matrix products."""
        y = centered(block, self.center)
        self.image = dgemm(1.0, y.T, times(y.T, self.vectors, True), beta=1.0, c=self.image, overwrite_c=1)

    def empty(self) -> Product:
        """Make one with the same vectors and no samples."""
        return Product(self.center, self.vectors)


@dataclass
class Combination(Accumulator):
    """Sum of y w' with a random sign for each sample and each of up to 64 columns.

    Attributes
    ----------
    center : ndarray, shape (d,)
    width, seed : int
    image : ndarray, shape (d, width)
    """

    center: Array
    width: int
    seed: int
    image: Array = field(init=False, metadata=SUM)

    def __post_init__(self) -> None:
        self.center = self.center.reshape(-1)
        self.image = np.zeros((self.center.size, self.width), order="F")

    def add(self, block: Array, first: int) -> None:
        """One matrix product."""
        y = centered(block, self.center)
        signs = random_signs(first, len(y), self.width, self.seed)
        self.image = dgemm(1.0, y.T, signs, beta=1.0, c=self.image, overwrite_c=1)

    def empty(self) -> Combination:
        """Make one with the same seed and no samples."""
        return Combination(self.center, self.width, self.seed)


def random_signs(first: int, rows: int, width: int, seed: int) -> Array:
    """Signs that depend only on the seed, the number of the sample and the column, shape (rows, width).

    They are the bits of the SplitMix64 generator at position `first`, `first + 1`, ..., so that any
    worker can make those of its own samples (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).
    """
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    with np.errstate(over="ignore"):
        z = start + np.arange(first + 1, first + rows + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    bits = (z[:, None] >> np.arange(width, dtype=np.uint64)) & np.uint64(1)
    return np.asarray(2.0 * bits - 1.0)
