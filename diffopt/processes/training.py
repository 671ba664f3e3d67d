"""The noise levels a model was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.base import Process
from diffopt.processes.flow import Flow
from diffopt.processes.grid import process_times
from diffopt.processes.span import Span
from diffopt.processes.trained import TrainedLevels
from diffopt.processes.vp import VPLinear

#: Levels of a model whose process has no table of its own.
LEVELS = 1000


@dataclass(frozen=True, eq=False)
class Training:
    """Levels by (fractional) index: index 0 is sigma_min, size - 1 is sigma_max.

    A `table` process has its own levels, and so has a flow model whose shift is known (theory.md, eq. 420), by index k - 1;
    every other process gets 1000 levels equally spaced in its own time (the linear variance-preserving time for `ve`, whose
    time is sigma itself). `first` and `last` are times, or indices where the levels are listed.
    """

    process: Process
    first: float
    last: float
    size: int

    @classmethod
    def of(cls, span: Span) -> Training:
        """Levels inside the requested range."""
        process = VPLinear() if span.process.time_is_sigma else span.process
        first, last = process_times(process, np.array([span.sigma_min, span.sigma_max]))
        if isinstance(process, Flow) and process.listed:
            first, last = np.clip(process.unshifted(np.array([first, last])) * process.trained - 1, 0, process.trained - 1)
            return cls(process, float(first), float(last), round(last - first) + 1)
        size = round(last - first) + 1 if isinstance(process, TrainedLevels) else LEVELS
        return cls(process, float(first), float(last), size)

    @property
    def listed(self) -> bool:
        """Whether the levels are those of a flow model whose shift is known."""
        return isinstance(self.process, Flow) and self.process.listed

    def told(self) -> Training:
        """Between the timesteps that such a model is told at the ends, T s, which rules take for indices (theory.md, eq. 421)."""
        if not (isinstance(self.process, Flow) and self.process.listed):
            return self
        ends = np.array([self.first, self.last])
        first, last = self.process.shifted((ends + 1) / self.process.trained) * self.process.trained - 1
        return replace(self, first=float(first), last=float(last))

    def sigma(self, index: Array) -> Array:
        """Noise ratios at indices, shape (n,)."""
        time = self.first + np.asarray(index) / max(self.size - 1, 1) * (self.last - self.first)
        if isinstance(self.process, Flow) and self.process.listed:
            time = self.process.shifted((time + 1) / self.process.trained)
            with np.errstate(divide="ignore"):
                return np.asarray(time / (1 - time))
        return np.asarray(self.process.sigma(time), dtype=np.float64)
