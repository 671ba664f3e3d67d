"""Array types of the numeric core."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Real numbers.
Array = NDArray[np.float64]
#: Real or complex numbers: formulas of processes, clocks and solvers accept both (complex-step derivatives).
Numbers = NDArray[Any]
#: Sides of an array.
Shape = tuple[int, ...]

#: Bytes of an array after whose release glibc keeps arrays up to that size, and twice as much in all.
RELEASED = 2 * 2**20


def release_one() -> None:
    """Make and drop an array that is never touched, as any program may.

    glibc then keeps memory of smaller arrays for the next ones (mallopt(3), "dynamic mmap threshold"); before, it may fetch
    every page of every temporary array anew. Settings of the process are left alone; other C libraries do not mind.
    """
    np.empty(RELEASED, np.uint8)


def digits(rows: Array) -> list[bytes]:
    """Twelve significant digits of each row, shape (B, n), so that rows that differ by rounding are one."""
    # An infinite or vanishing number stands for itself.
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.where((rows != 0) & np.isfinite(rows), np.floor(np.log10(np.abs(rows))), 0.0)
        rounded = np.round(rows / 10.0**exponent, 11) * 10.0**exponent
    return [row.tobytes() for row in rounded]
