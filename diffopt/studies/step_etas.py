"""The best eta of every step where an error is a root of a sum of squares with many local optima."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import fit
from diffopt.studies.noise_errors import NoiseErrors

#: Steps at most: second derivatives are taken by differences.
LONGEST = 16
#: Random designs that are scored, and those that are followed.
SCORED, FOLLOWED = 512, 96
#: Steps of the search and runs that go on: of slopes alone, from the first starts and from moved ones; with curvature.
FIRST, MOVED, LAST = ((3, 48), (6, 16), (10, 6)), ((4, 12), (8, 4)), ((25, 4),)
#: Ends that are followed with curvature, how far apart they lie, and the gap of their squares where all are one optimum.
ENDS, APART, SAME = 6, 0.02, 1e-5
#: Rounds at most, moved designs of each, relative gain of the squares that is worth another round, and rounds without.
ROUNDS, MOVES, GAIN, PATIENCE = 16, 32, 2e-5, 2
#: How far designs are moved, in squares of eta.
SCALES = (0.03, 0.1, 0.3, 0.6)


class StepEtas:
    """Search over the squares of the etas, in which 0 is no stationary point (theory.md, eq. 385)."""

    def __init__(self, errors: NoiseErrors, objective: str, largest: float) -> None:
        self.errors, self.objective, self.largest = errors, objective, largest
        self.steps = errors.grid.steps
        self.low, self.high = np.zeros(self.steps), np.full(self.steps, largest**2)
        self.rng = np.random.default_rng(0)

    def best(self, starts: list[Array]) -> Array:
        """Best etas, from some starts, random designs and random moves of the best."""
        x, total = self._bent(self._fit(self._scattered(starts), FIRST, False))
        if total[-1] <= total[0] * (1 + SAME):
            return np.sqrt(x[0])
        best, least, stale = x[0], total[0], 0
        for _ in range(ROUNDS):
            x, total = self._bent(self._fit(self._moved(best), MOVED, False))
            stale = 0 if total[0] < least * (1 - GAIN) else stale + 1
            best, least = (x[0], total[0]) if total[0] < least else (best, least)
            if stale == PATIENCE or least == 0:
                break
        return np.asarray(np.sqrt(best))

    def _residuals(self, x: Array) -> Array:
        return self.errors.residuals(self.objective, np.sqrt(x))

    def _fit(self, x: Array, plan: tuple[tuple[int, int], ...], bent: bool) -> tuple[Array, Array]:
        return fit(self._residuals, x, self.low, self.high, plan, bent)

    def _bent(self, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        """The best ends that lie apart, followed with curvature."""
        chosen: list[Array] = []
        for x in ends[0]:
            if len(chosen) < ENDS and all(np.max(np.abs(x - other)) > APART for other in chosen):
                chosen.append(x)
        return self._fit(np.array(chosen), LAST, True)

    def _scattered(self, starts: list[Array]) -> Array:
        """The starts, and the best of random designs of all heights."""
        heights = self.largest * self.rng.uniform(size=(SCORED, 1))
        etas = heights * self.rng.uniform(size=(SCORED, self.steps))
        order = np.argsort(self.errors.many(self.objective, etas), kind="stable")[:FOLLOWED]
        return np.concatenate([np.maximum(np.array(starts), 0.05), etas[order]]) ** 2

    def _moved(self, x: Array) -> Array:
        """Copies with all squares moved, or a few."""
        shift = self.rng.standard_normal((MOVES, self.steps)) * np.resize(SCALES, (MOVES, 1))
        kept = (self.rng.uniform(size=shift.shape) > 0.3) & (np.arange(MOVES)[:, None] % 8 >= 4)
        kept[np.arange(MOVES), self.rng.integers(self.steps, size=MOVES)] = False
        return x + np.where(kept, 0.0, shift)
