"""What the C library does with memory that is not needed any more."""

from __future__ import annotations

import ctypes

#: Parameters of glibc's mallopt(3), and bytes of a kept array and of all that is kept.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
ARRAY, KEPT = 4 * 2**20, 32 * 2**20


def keep_arrays() -> None:
    """Let glibc keep freed arrays of up to 4 MB for the next ones, for a process that makes thousands of them.

    Each that goes back to the system costs the clearing of its pages when it returns. Other C libraries are left alone.
    """
    try:
        tune = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    tune(M_MMAP_THRESHOLD, ARRAY)
    tune(M_TRIM_THRESHOLD, KEPT)
