"""First and second moments: the sums for a covariance matrix, or for its trace alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg.blas import dsyrk

from diffopt.estimation.sums.accumulator import SUM, Accumulator, centered, times
from diffopt.foundation.arrays import Array


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
