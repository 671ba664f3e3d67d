"""Published tables of noise levels, put on another range and another number of steps."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule

#: A flow table may start at pure noise, t = 1; it is read as this, as ComfyUI does where it needs a finite SNR.
ALMOST_PURE = 0.9999


class Published(Schedule):
    """Numbers of a publication for one or more step counts; the author gives the numbers.

    Step counts without a table take the one whose count is nearest (the larger on a tie) through
    log-linear interpolation, the rule of the hosts. Then log sigma is mapped affinely, first level to
    sigma_max, last level to sigma_min. As in the hosts, the last level gives way to 0 where the grid
    ends there. From pure noise the first level is infinite and the others keep the table's own top.
    """

    kind = "table"
    #: N + 1 decreasing numbers for N steps.
    tables: ClassVar[tuple[tuple[float, ...], ...]]
    #: Whether the numbers are flow times t with sigma = t/(1 - t).
    flow: ClassVar[bool] = False

    def levels(self, span: Span) -> Array:
        """Resampled and mapped levels."""
        pure = bool(np.isinf(span.sigma_max))
        log = resampled(self._nearest(span.steps), span.steps)
        top = log[0] if pure else np.log(span.sigma_max)
        _, low = (0.0, span.sigma_min) if pure else span.finite(self.name)
        with np.errstate(divide="ignore"):
            levels = np.exp(top + (log - log[0]) * (top - np.log(low)) / (log[0] - log[-1]))
        levels[0], levels[-1] = span.sigma_max, low
        return np.asarray(levels[: span.levels])

    def _nearest(self, steps: int) -> Array:
        table = min(self.tables, key=lambda t: (abs(len(t) - 1 - steps), -len(t)))
        if not self.flow:
            return np.asarray(np.log(table))
        t = np.minimum(np.array(table), ALMOST_PURE)
        return np.asarray(np.log(t / (1 - t)))


def resampled(log_sigma: Array, steps: int) -> Array:
    """Log-linear interpolation to steps + 1 points, shape (steps + 1,)."""
    count = log_sigma.size - 1
    return np.interp(np.linspace(0, count, steps + 1), np.arange(count + 1), log_sigma)
