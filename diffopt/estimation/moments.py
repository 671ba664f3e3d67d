"""What one sweep over the data adds up: sums that can be merged, saved and resumed.

Every accumulator holds sums of functions of the single sample y = x - pilot, so that sums over
parts of the data add. The pilot is any fixed vector near the mean; it only guards against
cancellation and drops out of the results (docs/spectra.md, eq. 2).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.linalg.blas import dgemm, dsyrk

Array = NDArray[np.float64]


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


#: Marks a field that adds up; `__post_init__` makes its zeros.
SUM = {"sum": True}


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


@dataclass
class Covariance(Accumulator):
    """Sums for the covariance: n, sum y, sum y y' (lower triangle), and those of the linear shrinkage.

    Attributes
    ----------
    pilot : ndarray, shape (d,)
    count : ndarray, shape ()
    linear : ndarray, shape (d,)
        sum y
    second : ndarray, shape (d, d), Fortran order
        Lower triangle of sum y y'.
    squares, fourth : ndarray, shape ()
        sum |y|^2 and sum |y|^4, with `powers`.
    cubic : ndarray, shape (d,)
        sum |y|^2 y, with `powers`.
    """

    pilot: Array
    powers: bool = False
    count: Array = field(init=False, metadata=SUM)
    linear: Array = field(init=False, metadata=SUM)
    second: Array = field(init=False, metadata=SUM)
    squares: Array = field(init=False, metadata=SUM)
    fourth: Array = field(init=False, metadata=SUM)
    cubic: Array = field(init=False, metadata=SUM)

    def __post_init__(self) -> None:
        d = self.pilot.size
        self.pilot = self.pilot.reshape(d)
        self.count, self.squares, self.fourth = np.zeros(()), np.zeros(()), np.zeros(())
        self.linear, self.cubic = np.zeros(d), np.zeros(d)
        self.second = np.zeros((d, d), order="F")

    def add(self, block: Array, _first: int = 0) -> None:
        """One symmetric rank-k update into the same buffer, and sums over the rows."""
        y = centered(block, self.pilot)
        self.count += len(y)
        self.linear += y.sum(axis=0)
        if self.powers:
            squares = np.einsum("ij,ij->i", y, y)
            self.squares += squares.sum()
            self.fourth += np.sum(squares**2)
            self.cubic += times(y.T, squares[:, None])[:, 0]
        # y.T is Fortran-ordered, so BLAS reads the block and writes the sum without a copy.
        self.second = dsyrk(1.0, y.T, beta=1.0, c=self.second, lower=1, overwrite_c=1)

    def empty(self) -> Covariance:
        """Make one with the same pilot and no samples."""
        return Covariance(self.pilot, self.powers)


@dataclass
class Rows(Accumulator):
    """The samples themselves, for data that fit in memory."""

    dim: int
    blocks: dict[int, Array] = field(default_factory=dict)

    def add(self, block: Array, first: int) -> None:
        """Keep the block under its place."""
        self.blocks[first] = block.reshape(len(block), self.dim).copy()

    def empty(self) -> Rows:
        """Make one with the same dimension and no samples."""
        return Rows(self.dim)

    def merge(self, other: Self) -> None:
        """Take over the blocks of another."""
        self.blocks |= other.blocks

    def state(self) -> dict[str, Array]:
        """Nothing: reading is all there is to do."""
        return {}

    def stacked(self) -> Array:
        """All samples in stored order, shape (n, d)."""
        return np.concatenate([self.blocks[first] for first in sorted(self.blocks)])


@dataclass
class Projected(Accumulator):
    """Products of every sample with a few directions, for clustering."""

    directions: Array
    rows: Rows = field(default_factory=lambda: Rows(0))

    def add(self, block: Array, first: int) -> None:
        """Project the block."""
        self.rows.blocks[first] = block.reshape(len(block), -1) @ self.directions

    def empty(self) -> Projected:
        """Make one with the same directions and no samples."""
        return Projected(self.directions)

    def stacked(self) -> Array:
        """All projections in stored order, shape (n, directions)."""
        return self.rows.stacked()


@dataclass
class Energy(Accumulator):
    """Count, sum y and sum |y|^2: what every method needs when no covariance matrix is formed."""

    pilot: Array
    count: Array = field(init=False, metadata=SUM)
    linear: Array = field(init=False, metadata=SUM)
    squares: Array = field(init=False, metadata=SUM)

    def __post_init__(self) -> None:
        self.pilot = self.pilot.reshape(-1)
        self.count, self.squares, self.linear = np.zeros(()), np.zeros(()), np.zeros(self.pilot.size)

    def add(self, block: Array, _first: int = 0) -> None:
        """Add count, sum and squares of the block."""
        y = centered(block, self.pilot)
        self.count += len(y)
        self.linear += y.sum(axis=0)
        self.squares += np.vdot(y, y)

    def empty(self) -> Energy:
        """Make one with the same pilot and no samples."""
        return Energy(self.pilot)


@dataclass
class Cross(Accumulator):
    """Sums of the cross spectra: for each wave vector k, sum y^(k) y^(k)^* over channels.

    Attributes
    ----------
    pilot : ndarray, shape (channels, *grid)
    axis : int or None
        Channel axis of the samples as they come.
    count : ndarray, shape ()
    linear : complex ndarray, shape (channels, *half grid)
        sum of the unitary transforms y^(k)
    second : complex ndarray, shape (channels, channels, *half grid)
        sum of y^_a(k) conj(y^_b(k)), for b <= a
    """

    pilot: Array
    axis: int | None = None
    count: Array = field(init=False, metadata=SUM)
    linear: NDArray[np.complex128] = field(init=False, metadata=SUM)
    second: NDArray[np.complex128] = field(init=False, metadata=SUM)

    def __post_init__(self) -> None:
        channels, *grid = self.pilot.shape
        half = (*grid[:-1], grid[-1] // 2 + 1)
        self.count = np.zeros(())
        self.linear = np.zeros((channels, *half), dtype=np.complex128)
        self.second = np.zeros((channels, channels, *half), dtype=np.complex128)

    def add(self, block: Array, _first: int = 0) -> None:
        """Transform the block over the grid axes and add the products of channels."""
        turned = planes(block, self.axis)
        axes = tuple(range(2, turned.ndim))
        waves = scipy.fft.rfftn(turned - self.pilot, axes=axes, norm="ortho", overwrite_x=True)
        self.count += len(block)
        self.linear += waves.sum(axis=0)
        for a in range(waves.shape[1]):
            for b in range(a + 1):
                self.second[a, b] += np.einsum("n...,n...->...", waves[:, a], waves[:, b].conj())

    def empty(self) -> Cross:
        """Make one with the same pilot and no samples."""
        return Cross(self.pilot, self.axis)


def planes(block: Array, axis: int | None) -> Array:
    """View samples as (rows, channels, *grid): the channel axis in front, or a new one of length 1."""
    return block[:, None] if axis is None else np.moveaxis(block, axis % (block.ndim - 1) + 1, 1)


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
