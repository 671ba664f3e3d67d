"""One local search: L-BFGS-B, restarted while a restart still helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.foundation.quasi_newton import Loss, Minimum, minimize, pace

#: Largest component of the gradient of the log objective at a smooth optimum.
GRADIENT = 2e-8
#: Evaluations after which a later start must have overtaken the best one.
PROBE = 8
#: Largest number of evaluations per start.
BUDGET = 1000


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a local search ended, and a sentence on how."""

    x: Array
    value: float
    converged: bool
    message: str
    minimum: Minimum


def descend(
    loss: Loss,
    x: Array,
    bounds: Sequence[tuple[float, float]],
    tolerance: float,
    target: float = np.inf,
    probe: int = 0,
    budget: int | None = None,
    known: Minimum | None = None,
    scale: float | None = None,
    crawl: float = 0.0,
) -> Descent | None:
    """Minimize from x; None where `probe` evaluations do not overtake `target`.

    Kinks of the objective can stall the search, so it is restarted from the lowest point it saw until that
    gains less than `tolerance`; not where it has come to a `crawl`, as it saw beyond its kinks.
    """
    seen = _Lowest(loss, x)
    x = np.clip(x, [lo for lo, _ in bounds], [hi for _, hi in bounds])
    previous, budget = np.inf, min(budget or BUDGET, BUDGET)
    if probe:
        found = minimize(seen, x, bounds, probe, 1e-12, GRADIENT, known, scale, crawl)
        if found.value >= target:
            return None
        x = found.x
    while True:
        # 1e-15 at the default tolerance, 1e-10 at 1e-6: a loose search need not see rounding.
        found = minimize(seen, x, bounds, budget, tolerance ** (5 / 3), GRADIENT, scale=scale, crawl=crawl)
        x, budget = found.x, budget - found.count
        if seen.value < found.value - tolerance and budget > 0:
            # The line search ended on a plateau beyond the lowest point it saw: go on from there.
            if previous - seen.value < tolerance:
                return seen.end(found, True, f"converged: a restarted search gained less than {tolerance:g} (relative)")
            x, previous = seen.x, seen.value
            continue
        slope = float(np.max(np.abs(_projected(found.x, found.gradient, bounds)), initial=0.0))
        if slope < 10 * GRADIENT:
            return seen.end(found, True, f"converged: gradient of the log objective {slope:.1e}")
        if found.crawled:
            return seen.end(found, True, f"converged: {pace(x.size)} evaluations gained less than {crawl:g} (relative)")
        if previous - found.value < tolerance:
            return seen.end(found, True, f"converged: a restarted search gained less than {tolerance:g} (relative)")
        if budget <= 0:
            return seen.end(found, False, f"stopped after {BUDGET} evaluations, gradient of the log objective {slope:.1e}")
        previous = float(found.value)


class _Lowest:
    """A loss that remembers the lowest point it was asked for."""

    def __init__(self, loss: Loss, x: Array) -> None:
        self.loss, self.value, self.x = loss, np.inf, x

    def __call__(self, x: Array) -> tuple[float, Array]:
        value, slope = self.loss(x)
        if value < self.value:
            self.value, self.x = value, x.copy()
        return value, slope

    def end(self, found: Minimum, converged: bool, message: str) -> Descent:
        return Descent(self.x, float(self.value), converged, message, found)


def _projected(x: Array, gradient: Array, bounds: Sequence[tuple[float, float]]) -> Array:
    """Gradient without the components that push against an active bound."""
    low, high = np.array(bounds).T
    blocked = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
    return np.where(blocked, 0.0, gradient)
