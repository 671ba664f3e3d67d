"""Errors on one grid as roots of sums of squares of functions of the squared etas."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import squares
from diffopt.studies.noise_errors import NoiseErrors

#: Etas, as shares of the largest, at which every step is tried, and near the one it has.
PLACES = np.linspace(0, 1, 25)
FACTORS = 1 + np.outer([1, -1], [0.2, 0.05, 0.01, 2e-3, 5e-4, 1e-4, 2e-5, 4e-6]).ravel()
#: Numbers (steps times residuals times runs) that are handled at once.
FEW = 32_000


class EtaSquares:
    """One error W of many runs, W^2 = |r|^2, for any scheme (theory.md, eq. 385).

    Attributes
    ----------
    steps : int
        Number of steps N.
    kinked : bool
        Whether r is made of absolute values.
    size : int
        Number of residuals.
    derivatives : callable or None
        Of r, its slopes and second derivatives; None where differences of r have to do.
    """

    derivatives: Callable[[Array, bool], tuple[Array, Array, Array | None]] | None = None

    def __init__(self, errors: NoiseErrors, objective: str) -> None:
        self.errors, self.objective, self.steps = errors, objective, errors.grid.steps
        self.kinked = objective == "absolute"
        spectrum = errors.problem.spectrum
        self.size = spectrum.eig.size * (1 if spectrum.mean is None else 2)

    @property
    def kind(self) -> Hashable:
        """Equal where runs of several are followed at once."""
        return id(self)

    @property
    def few(self) -> int:
        """Runs that are handled at once: their arrays stay in caches."""
        return max(1, FEW // (self.steps * self.size))

    def residuals(self, x: Array) -> Array:
        """r at squared etas, shape (B, N): shape (B, m)."""
        return self.errors.residuals(self.objective, np.sqrt(x))

    def roundings(self, near: bool) -> Sequence[EtaSquares]:
        """With kinks rounded less and less, where that is known."""
        del near
        return []

    def held(self, x: Array) -> bool:
        """Whether kinks hold a run at squared etas x, shape (N,)."""
        del x
        return self.kinked

    def totals(self, x: Array) -> Array:
        """Sums of squares, infinite where not finite."""
        with np.errstate(all="ignore"):
            return squares(self.residuals(x))

    def one_by_one(self, x: Array, places: Array) -> tuple[Array, float]:
        """Squared etas, shape (N,), each in turn moved to the best of its `places`, shape (P, N), and the sum of squares."""
        least = float(self.totals(x[None])[0])
        for k in range(self.steps):
            tried = np.repeat(x[None], len(places), axis=0)
            tried[:, k] = places[:, k]
            found = self.totals(tried)
            best = int(np.argmin(found))
            if found[best] < least:
                x, least = tried[best], float(found[best])
        return x, least


def alone(goal: EtaSquares, x: Array, largest: float) -> tuple[Array, float]:
    """Each squared eta of a run in turn at the best of places on the whole range and near the one it has, and the sum."""
    etas = np.sqrt(x)
    places = np.concatenate([PLACES[:, None] * largest + 0 * etas, FACTORS[:, None] * etas])
    return goal.one_by_one(x, np.minimum(places, largest) ** 2)


def forgetting(x: Array, largest: float) -> Array:
    """Squared etas of runs, shape (B, N), with the largest from each step on: what came before is forgotten there."""
    steps = x.shape[1]
    return np.where(np.arange(steps) >= np.arange(1, steps)[:, None, None], largest, x).reshape(-1, steps)
