"""Sums of cross spectra: what the Fourier method adds up."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from diffopt.estimation.sums.accumulator import SUM, Accumulator
from diffopt.foundation.arrays import Array


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
