"""The best eta of every step where an error is a root of a sum of squares with many local optima."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import GAIN as LEAST_GAIN
from diffopt.foundation.least_squares import Plan, Starts
from diffopt.studies.eta_fits import Asking, Fit
from diffopt.studies.eta_squares import EtaSquares, alone, forgetting

#: Steps at most where second derivatives count: by differences, and by chains; steps up to which all runs are made.
SHORT, LONG, CROWD = 16, 128, 16
#: Random designs that are scored, those that are followed, and at least.
SCORED, FOLLOWED, LEAST = 512, 64, 8
#: Steps of the search and runs that go on: of slopes alone, from the first starts and from moved ones; with curvature;
#: with kinks rounded, from the first starts, on the way to sharper ones, and last.
FIRST, MOVED, LAST = ((3, 48), (6, 16), (10, 6)), ((4, 12), (8, 4)), ((40, 4),)
WIDE, WAY, SOFT = ((4, 32), (4, 16), (8, 6)), ((3, 4), (3, 3)), ((4, 4), (4, 2))
#: Ends that are followed at once, and on the fine sum where kinks hold them, how far apart they lie, and the gap of their
#: squares where all are one optimum.
ENDS, FEWER, APART, SAME = 6, 3, 0.02, 1e-5
#: Rounds at most, moved designs of each, relative gain of the squares that is worth another round, and rounds without;
#: turns of each eta alone and all together at most.
ROUNDS, MOVES, GAIN, PATIENCE, TURNS = 16, 32, 2e-5, 3, 8
#: Least gains of a step on the rough and on the fine sum.
CLOSE, FINE = 3e-6, 1e-7
#: How far designs are moved, in squares of eta.
SCALES = (0.03, 0.1, 0.3, 0.6)


class StepEtas:
    """Search over the squares of the etas, in which 0 is no stationary point (theory.md, eq. 385).

    Starts, random designs and random moves of the best are followed on a `rough` sum, a few ends on the `fine` one.
    """

    def __init__(self, rough: EtaSquares, fine: EtaSquares, largest: float) -> None:
        self.rough, self.fine, self.steps, self.largest = rough, fine, rough.steps, largest
        self.low, self.high = np.zeros(self.steps), np.full(self.steps, largest**2)
        self.curved = self.steps <= (SHORT if rough.derivatives is None else LONG)
        self.share = min(1.0, (CROWD / self.steps) ** 2)
        self.rng = np.random.default_rng(0)

    def best(self, starts: list[Array]) -> Asking[Array]:
        """Best etas, from some starts, random designs and random moves of the best."""
        x, _ = yield self._fit(self.rough, self._scattered(starts), FIRST)
        if self.rough.held(x[0]):
            rounded = self.rough.roundings(False)
            others, _ = yield self._fit(rounded[0], self._scattered(starts), WIDE, self.curved)
            x = yield from self._rounded(self.rough, np.concatenate([x[:ENDS], others[:ENDS], np.array(starts) ** 2]))
            x = yield from self._wandered(rounded[1], x, self.rough.totals(x), 1)
        else:
            x, total = yield self._bent(self.rough, x)
            if total[-1] > total[0] * (1 + SAME):
                x = yield from self._wandered(self.rough, x, total)
        if self.fine.held(x[0]):
            x = yield from self._rounded(self.fine, x[:FEWER])
        else:
            x, _ = yield self._bent(self.fine, x)
        x = yield from self._turns(x[0])
        return np.sqrt(x)

    def _turns(self, best: Array) -> Asking[Array]:
        """Each eta alone and all together in turns: schemes whose noise is cut off have sharp bends."""
        least = float(self.fine.totals(best[None])[0])
        for _ in range(TURNS):
            moved, value = alone(self.fine, best, self.largest)
            if not value < least * (1 - GAIN):
                break
            x, total = yield self._bent(self.fine, moved[None])
            best, least = (x[0], float(total[0])) if total[0] < value else (moved, value)
        return best

    def _wandered(self, goal: EtaSquares, x: Array, total: Array, patience: int = PATIENCE) -> Asking[Array]:
        """Ends, the best first, of searches from some and from random moves of the best of all, again and again."""
        ends, best, least, stale = [(x, total)], x[0], total[0], 0
        for _ in range(ROUNDS):
            x, _ = yield self._fit(goal, self._moved(best), MOVED)
            x, total = yield self._bent(goal, x)
            ends.append((x, total))
            stale = 0 if total[0] < least * (1 - GAIN) else stale + 1
            best, least = (x[0], total[0]) if total[0] < least else (best, least)
            if stale == patience or least == 0:
                break
        x, total = (np.concatenate(parts) for parts in zip(*ends, strict=True))
        return np.asarray(x[np.argsort(total, kind="stable")])

    def _rounded(self, goal: EtaSquares, x: Array) -> Asking[Array]:
        """Ends, the best first, with kinks rounded less and less, and what they began from."""
        found, roundings = x, goal.roundings(goal is self.fine)
        for rounded in roundings:
            found, _ = yield self._fit(rounded, found, SOFT if rounded is roundings[-1] else WAY, self.curved, CLOSE)
        x = np.concatenate([x, found])
        return np.asarray(x[np.argsort(goal.totals(x), kind="stable")])

    def _fit(self, goal: EtaSquares, x: Array, plan: Plan, bent: bool = False, gain: float = LEAST_GAIN) -> Fit:
        return Fit(goal, Starts(x, self.low, self.high, plan, gain), bent)

    def _bent(self, goal: EtaSquares, ends: Array) -> Fit:
        """The best ends that lie apart, followed with curvature."""
        chosen: list[Array] = []
        for x in ends:
            if len(chosen) < ENDS and all(np.max(np.abs(x - other)) > APART for other in chosen):
                chosen.append(x)
        return self._fit(goal, np.array(chosen), LAST, self.curved, FINE if goal is self.fine else CLOSE)

    def _scattered(self, starts: list[Array]) -> Array:
        """The starts, and the best of random designs of all heights."""
        heights = self.largest * self.rng.uniform(size=(SCORED, 1))
        etas = heights * self.rng.uniform(size=(SCORED, self.steps))
        x = np.maximum(np.array(starts), 0.05) ** 2
        tried = np.concatenate([etas**2, forgetting(x, self.largest**2)])
        order = np.argsort(self.rough.totals(tried), kind="stable")[: max(int(FOLLOWED * self.share), LEAST)]
        return np.concatenate([x, tried[order]])

    def _moved(self, x: Array) -> Array:
        """Copies with all squares moved, or a few."""
        count = max(int(MOVES * self.share), LEAST)
        shift = self.rng.standard_normal((count, self.steps)) * np.resize(SCALES, (count, 1))
        kept = (self.rng.uniform(size=shift.shape) > 0.3) & (np.arange(count)[:, None] % 8 >= 4)
        kept[np.arange(count), self.rng.integers(self.steps, size=count)] = False
        return x + np.where(kept, 0.0, shift * np.where(np.arange(count)[:, None] % 2, np.maximum(x, 1.0), 1.0))
