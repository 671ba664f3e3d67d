"""Windows of noise: bumps of eta in log sigma, and the best of them (theory.md, eqs. 78, 321, 408)."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import Plan, Starts
from diffopt.studies.eta_fits import Asking, Fit
from diffopt.studies.eta_squares import EtaSquares

#: Windows of the first scan: heights as shares of the largest eta, centres and widths as shares of the log range.
HEIGHTS = (0.05, 0.1, 0.2, 1 / 3, 0.6, 1.0)
CENTRES, WIDTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), (1 / 24, 1 / 14, 1 / 8, 1 / 4, 1 / 2, 1.2)
#: Least log height, least gap of the roots, which stands for a constant, and largest root.
FAINT, CLOSE, ENDS = -10.0, 6e-3, 60.0
#: Largest distance of a centre from the smallest level, in log sigma: a number can say it.
FARTHEST = 500.0
#: Place of pure noise on the log range.
FAR = 1e8
#: Windows of the scan that are followed, and the least gap of their etas.
CHOSEN, APART = 9, 0.2
#: Steps of a search and runs that go on, and its least gain.
PLAN, SHORT, FINE = ((5, 8), (5, 5), (10, 3)), ((6, 4), (8, 2)), 1e-6
#: Looks around an end at most, with kinks and without, the gain that is worth another, and sizes of the moves.
LOOKS, FEW, GAIN, SHELLS = 40, 3, 1e-5, (0.5, 0.1, 0.02, 0.004)
MOVES = np.array([np.multiply(s, d) for s in SHELLS for d in product((-1.0, 0.0, 1.0), repeat=3) if any(d)])


class Windows:
    """Windows on the levels of a grid, given by height and roots of the exponent at both ends, shape (B, 3) (eq. 321)."""

    def __init__(self, sigmas: Array, largest: float) -> None:
        self.sigmas, self.largest = sigmas, largest
        low, high = self._range
        with np.errstate(divide="ignore"):
            logs = np.log(sigmas[:-1])
        # Pure noise and its step have no eta in any window; far away stands for it.
        self.places = np.where(np.isfinite(logs), (logs - low) / (high - low), FAR)

    def at(self, height: float | Array, centre: float | Array, width: float | Array) -> Array:
        """eta(sigma) = height exp(-(log(sigma/centre)/width)^2/2) at the start of every step (eq. 78)."""
        sigma = self.sigmas[:-1]
        with np.errstate(divide="ignore"):
            place = np.where(np.isfinite(sigma), np.log(np.where(np.isfinite(sigma), sigma, 1) / centre), np.inf)
        return np.asarray(height * np.exp(-0.5 * (place / width) ** 2))

    def etas(self, x: Array) -> Array:
        """Etas of windows, shape (B, N)."""
        return self.at(*(part[:, None] for part in self.shapes(x)))

    def shapes(self, x: Array) -> tuple[Array, Array, Array]:
        """Height, centre and width; roots too close are those of a window that is as good as a constant."""
        low, high = self._range
        height, first, last = x.T
        close = np.maximum(CLOSE, np.abs(first) * (high - low) / FARTHEST)
        width = (high - low) / (np.where(last < first, -1, 1) * np.maximum(np.abs(last - first), close))
        return height, np.exp(low - first * width), np.abs(width)

    @property
    def _range(self) -> tuple[float, float]:
        """Log of the smallest positive and of the largest finite level."""
        sigma = self.sigmas[(self.sigmas > 0) & np.isfinite(self.sigmas)]
        if not sigma.size:
            # One step from pure noise to the data: every window is without noise there.
            return 0.0, 1.0
        low, high = float(np.log(sigma[-1])), float(np.log(sigma[0]))
        # A single step has one level: windows lie around it, of any width.
        return low, high if high > low else low + 1

    def scan(self) -> Array:
        """Windows of all heights, centres and widths."""
        return np.array([(h * self.largest, -c / b, (1 - c) / b) for h, c, b in product(HEIGHTS, CENTRES, WIDTHS)])

    def chosen(self, ordered: Array) -> list[Array]:
        """The first few that lie apart."""
        etas, places = self.etas(ordered), list[int]()
        for i in range(len(ordered)):
            if len(places) < CHOSEN and all(np.max(np.abs(etas[i] - etas[j])) > APART for j in places):
                places.append(i)
        return [ordered[i] for i in places]

    def wide(self, eta: float) -> Array:
        """A constant, as a very wide window."""
        return np.array([max(eta, 0.05), -0.05, 0.05])


class BestWindow:
    """Search for a window on a rough and on a fine sum of squares of the squared etas.

    Variables are the log of the height and u = q sqrt(q^2 + 1)/2 of both roots q: log etas are nearly linear in them
    (theory.md, eq. 408).
    """

    def __init__(self, windows: Windows, rough: EtaSquares, fine: EtaSquares) -> None:
        self.windows, self.rough, self.fine = windows, rough, fine
        self.high = np.array([float(np.log(windows.largest)), _grown(ENDS), _grown(ENDS)])
        self.low = np.array([FAINT, -self.high[1], -self.high[2]])

    @property
    def key(self) -> bytes:
        """Equal for windows on the same levels."""
        return self.windows.places.tobytes()

    def best(self, constant: float) -> Asking[Array]:
        """Height and roots of the best window, from a scan and from the best constant."""
        found = self.windows.scan()
        order = np.argsort(self.rough.totals(self.windows.etas(found) ** 2), kind="stable")
        starts = np.array([self.windows.wide(constant), *self.windows.chosen(found[order])])
        x = yield from self._followed(self.rough, np.column_stack([np.log(starts[:, 0]), _grown(starts[:, 1:])]))
        x = yield from self._followed(self.fine, x[None])
        found = np.stack([self._shown(x[None])[0], self.windows.wide(constant)])
        # As it is written a window may differ: its centre is a number.
        return np.asarray(found[np.argmin(self.fine.totals(self.windows.etas(found) ** 2))])

    def _shown(self, x: Array) -> Array:
        """Height and roots."""
        return np.column_stack([np.minimum(np.exp(x[:, 0]), self.windows.largest), _shrunk(x[:, 1:])])

    def squared(self, x: Array) -> Array:
        """Squared etas of some variables."""
        root = self._roots(_shrunk(x[:, 1:]))
        return np.asarray(np.exp(2 * x[:, :1] - root**2))

    def _roots(self, ends: Array) -> Array:
        """Root of twice the negative exponent at the levels, shape (B, N) (eq. 321)."""
        return np.asarray(ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * self.windows.places)

    def _followed(self, goal: EtaSquares, x: Array) -> Asking[Array]:
        """The best end of local searches, and of others with kinks rounded less and less where those hold it."""
        if not goal.kinked:
            x, _ = yield self._descent(goal, x, PLAN)
        if goal.held(self.squared(x[:1])[0]):
            found = x
            for rounded in goal.roundings(goal is self.fine):
                found, _ = yield self._descent(rounded, found, SHORT)
            x = np.concatenate([found, x[:1]])
        best, least = self._better(goal, x)
        for _ in range(LOOKS if goal.kinked else FEW if goal is self.rough else 0):
            moved, value = self._better(goal, np.clip(best + MOVES, self.low, self.high))
            if not value < least * (1 - GAIN):
                break
            best, least = moved, value
            if not goal.kinked:
                ends, _ = yield self._descent(goal, moved[None], PLAN)
                best, least = self._better(goal, np.concatenate([moved[None], ends]))
        return best

    def _better(self, goal: EtaSquares, x: Array) -> tuple[Array, float]:
        """The best of some variables."""
        totals = goal.totals(self.squared(x))
        place = int(np.argmin(totals))
        return x[place], float(totals[place])

    def _descent(self, goal: EtaSquares, x: Array, plan: Plan) -> Fit:
        """Local searches."""
        return Fit(goal, Starts(x, self.low, self.high, plan, FINE), True, self)

    def pulled(self, x: Array, gradient: Array, normal: Array, bend: Array | None) -> tuple[Array, Array, Array]:
        """J^T r, J^T J and the sum of r times its second derivatives by the variables, from those by squared etas."""
        assert bend is not None
        _, turns, twice = self._turns(x)
        across = turns.transpose(0, 2, 1)
        curved = np.matmul(np.matmul(turns, bend), across) + (twice * gradient[:, None, None]).sum(axis=-1)
        return np.matmul(turns, gradient[..., None])[..., 0], np.matmul(np.matmul(turns, normal), across), curved

    def _turns(self, x: Array) -> tuple[Array, Array, Array]:
        """Squared etas, their slopes by the variables, shape (B, 3, N), and second derivatives, shape (B, 3, 3, N)."""
        here, ends, place = self.squared(x), _shrunk(x[:, 1:]), self.windows.places
        root, share = self._roots(ends), np.stack([1 - place, place])
        wide = ends**2 + 1
        by = 2 * np.sqrt(wide) / (2 * ends**2 + 1)
        # d^2 q/du^2 = -(d^2 u/dq^2) (dq/du)^3.
        again = -ends * (2 * ends**2 + 3) / (2 * wide**1.5) * by**3
        turned = -root[:, None] * share
        logs = np.concatenate([np.ones_like(root)[:, None], turned * by[..., None]], axis=1)
        twice = 2 * logs[:, :, None] * logs[:, None]
        twice[:, 1:, 1:] -= (share[:, None] * share) * (by[:, :, None] * by[:, None])[..., None]
        for i in range(2):
            twice[:, i + 1, i + 1] += turned[:, i] * again[:, i, None]
        return here, 2 * here[:, None] * logs, 2 * here[:, None, None] * twice


def _grown(roots: Any) -> Any:
    return roots * np.sqrt(roots**2 + 1) / 2


def _shrunk(grown: Array) -> Array:
    """The inverse of :func:`_grown`."""
    return np.asarray(np.sign(grown) * np.sqrt(8 * grown**2 / (1 + np.sqrt(1 + 16 * grown**2))))
