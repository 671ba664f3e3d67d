"""A step grid: the noise ratios a sampler visits, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.processes import Process


@dataclass(frozen=True, eq=False)
class Grid:
    """Strictly decreasing noise ratios sigma_0 > ... > sigma_N of a process.

    Attributes
    ----------
    process : Process
        Gives the noise ratios their times.
    sigmas : ndarray, shape (N + 1,)
        The last value is 0 or the smallest noise ratio; the first may be infinite where the
        process starts at pure noise.

    Raises
    ------
    InputError
        From :meth:`create`, when the numbers are not such a grid.
    """

    process: Process
    sigmas: Array

    @classmethod
    def create(cls, process: Process, sigmas: ArrayLike) -> Grid:
        """Check raw numbers and freeze them."""
        array = np.array(sigmas, dtype=np.float64)
        if array.ndim != 1 or array.size < 2:
            raise InputError(f"a grid needs at least 2 sigmas, got {array.size}")
        falling = bool((array[:-1] > array[1:]).all())
        # What falls holds nothing that is not a number.
        if (not falling and np.any(np.isnan(array))) or array[-1] < 0:
            raise InputError(f"sigmas must be numbers >= 0, got {array[np.isnan(array) | (array < 0)][0]}")
        if not falling:
            k = int(np.flatnonzero(~(array[:-1] > array[1:]))[0])
            raise InputError(
                f"sigmas must decrease strictly, but {array[k]:g} is followed by {array[k + 1]:g} (position {k + 1})"
            )
        _inside(array, process)
        array.flags.writeable = False
        return cls(process, array)

    @property
    def steps(self) -> int:
        """Number of steps N."""
        return self.sigmas.size - 1

    @property
    def times(self) -> Array:
        """The same points in the process's own time, shape (N + 1,)."""
        return process_times(self.process, self.sigmas)

    @property
    def timesteps(self) -> Array | None:
        """Conditioning of a trained model at the N points where it is called."""
        return self.process.timesteps(self.sigmas[:-1])


def range_bottom(process: Process, sigmas: Sequence[float] | Array) -> float:
    """Low end of the range that a grid fills: its last level above 0, as far as the process knows one.

    A range has a width: the grid of one step, or whose last level is near the first, is given the lower half of its own.
    """
    last = sigmas[-2] if sigmas[-1] == 0 and len(sigmas) > 2 else sigmas[-1]
    return max(float(min(last, sigmas[0] / 2)), process.sigma_limits[1])


def process_times(process: Process, sigmas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times of noise ratios, with pure noise (infinite sigma) at the process's start time."""
    finite = np.isfinite(sigmas)
    return np.where(finite, process.time(np.where(finite, sigmas, 1.0)), process.start_time())


def _inside(sigmas: Array, process: Process) -> None:
    high, low = process.sigma_limits
    tolerance = 1 + 1e-9
    if np.isinf(sigmas[0]) and np.isinf(process.start_time()):
        raise InputError(f"process {process.name!r} never reaches pure noise; the first sigma must be finite")
    if np.isfinite(sigmas[0]) and sigmas[0] > high * tolerance:
        raise InputError(f"sigma {sigmas[0]:g} is above {high:.6g}, the largest that process {process.name!r} reaches")
    smallest = sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]
    if smallest * tolerance < low:
        raise InputError(f"sigma {smallest:g} is below {low:.6g}, the smallest that process {process.name!r} knows")
