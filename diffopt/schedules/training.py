"""The noise levels a model was trained on, for rules that pick them by index."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from diffopt.grid import process_times
from diffopt.processes import Process, VPLinear
from diffopt.processes.table import Table
from diffopt.schedules.base import Array, Request, Schedule

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
    def of(cls, request: Request) -> Training:
        """Levels inside the requested range."""
        process = VPLinear() if request.process.name == "ve" else request.process
        first, last = process_times(process, np.array([request.sigma_min, request.sigma_max]))
        size = round(last - first) + 1 if isinstance(process, Table) else LEVELS
        return cls(process, float(first), float(last), size)

    def sigma(self, index: Array) -> Array:
        """Noise ratios at indices, shape (n,)."""
        time = self.first + np.asarray(index) / (self.size - 1) * (self.last - self.first)
        return np.asarray(self.process.sigma(time), dtype=np.float64)


class IndexRule(Schedule):
    """A rule that picks training levels; the author writes the indices.

    Every row of a comparison solves the same problem, so the first level is sigma_max even where the
    host's rule starts below it; sigma_min takes the place of the host's 0 when the grid ends there.
    """

    #: Whether the rule's last level lies above sigma_min, the step to the end being one more.
    stops_above: bool = False

    @abstractmethod
    def indices(self, size: int, count: int) -> Array:
        """`count` descending indices into `size` levels."""

    def levels(self, request: Request) -> Array:
        """Levels at the indices, with the ends of the range."""
        training = Training.of(request)
        extra = self.stops_above and request.levels > request.steps
        levels = training.sigma(self.indices(training.size, request.levels - extra))
        if extra:
            levels = np.append(levels, request.sigma_min)
        levels[0] = request.sigma_max
        if not self.stops_above:
            levels[-1] = request.sigma_min
        return levels
