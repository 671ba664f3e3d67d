"""The best eta of every step where errors are added in absolute value: smooth between kinks, each in one eta."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import Plan, Starts
from diffopt.foundation.line_search import inside
from diffopt.studies.eta_fits import Asking, Fit
from diffopt.studies.eta_squares import EtaSquares, alone, forgetting
from diffopt.studies.step_etas import LONG, SHORT

#: Random designs that are scored and those that are followed, besides the starts.
SCORED, FOLLOWED = 256, 24
#: Moved copies of the end of the rough search, and how far squared etas are moved.
AROUND, SPREAD = 12, 0.05
#: Steps of the searches and runs that go on: with kinks rounded as little as they are, and on the way there.
PLAN, WAY = ((4, 5), (4, 2)), ((3, 6), (3, 4))
#: Turns at most, and the gains of the squares worth another and another step.
ROUNDS, GAIN, FINE = 8, 1e-5, 1e-6


class AddedEtas:
    """Search over squared etas in turns: all together by slopes, then each alone over its whole range."""

    def __init__(self, rough: EtaSquares, fine: EtaSquares, largest: float) -> None:
        self.rough, self.fine, self.largest = rough, fine, largest
        self.low, self.high = np.zeros(rough.steps), np.full(rough.steps, largest**2)
        self.curved = rough.steps <= (SHORT if rough.derivatives is None else LONG)

    def best(self, starts: list[Array]) -> Asking[Array]:
        """Best etas, from some starts and random designs."""
        x = np.maximum(np.array(starts), 1e-3) ** 2
        x = yield from self._turns(self.rough, np.concatenate([x, self._scattered(x)]))
        # Among many kinks there are many ends that are nearly as good.
        near = x + SPREAD * np.random.default_rng(1).standard_normal((AROUND, x.size))
        x = yield from self._turns(self.fine, np.concatenate([x[None], inside(near, self.low, self.high)]))
        return np.sqrt(x)

    def _scattered(self, x: Array) -> Array:
        """The best of random designs and of starts that forget what was before some step."""
        steps, rng = self.rough.steps, np.random.default_rng(0)
        etas = self.largest * rng.uniform(size=(SCORED, 1)) * rng.uniform(size=(SCORED, steps))
        tried = np.concatenate([etas**2, forgetting(x, self.largest**2)])
        return np.asarray(tried[np.argsort(self.rough.totals(tried), kind="stable")[:FOLLOWED]])

    def _turns(self, goal: EtaSquares, x: Array) -> Asking[Array]:
        """Searches with kinks rounded less and less, then each eta alone and all together in turns."""
        roundings = goal.roundings(goal is self.fine) or [goal]
        for rounded in roundings[:-1]:
            x = yield from self._fit(rounded, x, WAY)
        x = yield from self._fit(roundings[-1], x)
        best, least = x[0], float(goal.totals(x[:1])[0])
        for _ in range(ROUNDS if goal is self.fine else 1):
            moved, value = alone(goal, best, self.largest)
            if not value < least * (1 - GAIN):
                break
            ends = yield from self._fit(roundings[-1], moved[None])
            found = np.concatenate([moved[None], ends])
            totals = goal.totals(found)
            best, least = found[np.argmin(totals)], float(totals.min())
        return best

    def _fit(self, goal: EtaSquares, x: Array, plan: Plan = PLAN) -> Asking[Array]:
        ends, _ = yield Fit(goal, Starts(x, self.low, self.high, plan, FINE), self.curved)
        return ends
