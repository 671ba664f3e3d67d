"""Numbers as programs hold them: they sample in single precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from diffopt.foundation.arrays import Array

#: Largest number.
MOST = float(np.finfo(np.float32).max)


def single(values: ArrayLike) -> Array:
    """Values rounded to single precision."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)
