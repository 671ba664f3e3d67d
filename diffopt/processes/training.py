"""The noise levels a model was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.base import Process
from diffopt.processes.grid import process_times
from diffopt.processes.span import Span
from diffopt.processes.trained import TrainedLevels
from diffopt.processes.vp import VPLinear

#: Levels of a model whose process has no table of its own.
LEVELS = 1000


@dataclass(frozen=True, eq=False)
class Training:
    """Levels by (fractional) index: index 0 is sigma_min, size - 1 is sigma_max.

    A `table` process has its own levels; every other process gets 1000 levels equally spaced in its
    own time (the linear variance-preserving time for `ve`, whose time is sigma itself).
    """

    process: Process
    first: float
    last: float
    size: int

    @classmethod
    def of(cls, span: Span) -> Training:
        """Levels inside the requested range."""
        process = VPLinear() if span.process.name == "ve" else span.process
        first, last = process_times(process, np.array([span.sigma_min, span.sigma_max]))
        size = round(last - first) + 1 if isinstance(process, TrainedLevels) else LEVELS
        return cls(process, float(first), float(last), size)

    def sigma(self, index: Array) -> Array:
        """Noise ratios at indices, shape (n,)."""
        time = self.first + np.asarray(index) / (self.size - 1) * (self.last - self.first)
        return np.asarray(self.process.sigma(time), dtype=np.float64)
