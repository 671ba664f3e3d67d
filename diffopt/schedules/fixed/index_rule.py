"""Rules that pick the noise levels a model was trained on by their index."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.processes.training import Training
from diffopt.schedules.base import Schedule


class IndexRule(Schedule):
    """A rule that picks training levels; the author writes the indices.

    Every row of a comparison solves the same problem, so the first level is sigma_max even where the
    host's rule starts below it; sigma_min takes the place of the host's 0 when the grid ends there, and of the last level
    before a 0 where the rule visits the end of a table that is not the model's own.
    """

    #: Whether the rule's last level lies above sigma_min, the step to the end being one more.
    stops_above: ClassVar[bool] = False
    #: Whether the rule is linear between what the model is told at the ends of its table (theory.md, eq. 421).
    by_time: ClassVar[bool] = False

    @abstractmethod
    def indices(self, size: int, count: int) -> Array:
        """`count` descending indices into `size` levels."""

    def levels(self, span: Span) -> Array:
        """Levels at the indices, with the ends of the range."""
        training = Training.of(span).told() if self.by_time else Training.of(span)
        extra = self.stops_above and span.levels > span.steps
        levels = training.sigma(self.indices(training.size, span.levels - extra))
        if extra:
            levels = np.append(levels, span.sigma_min)
        levels[0] = span.sigma_max
        own_end = training.listed and span.levels == span.steps
        if not (self.stops_above or own_end):
            levels[-1] = span.sigma_min
        return levels
