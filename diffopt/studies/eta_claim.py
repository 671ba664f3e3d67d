"""Whether noise may be said to gain: a constant eta over none and 1, a run with noise over one without; and on which data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.studies.claims import Claim
from diffopt.studies.noise_errors import NoiseErrors

#: Least relative gain that is worth a word.
GAIN = 0.05
#: Factors of the eigenvalues: other data with this covariance have smaller local variances (theory.md, eq. 343).
SCALES = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16)


class Scaled:
    """Errors of runs on one grid, on data with the spectrum and on data with smaller local variances."""

    def __init__(self, problem: Problem, grid: Grid) -> None:
        short = problem.compressed()
        own, count = short.spectrum, len(SCALES)
        mean = None if own.mean is None else np.concatenate([own.mean, np.zeros(own.eig.size * (count - 1))])
        # One after the other in one spectrum, which the same tables serve.
        side = Spectrum(np.outer(SCALES, own.eig).ravel(), np.tile(own.weight, count), mean)
        self.steps = grid.steps
        self._errors = NoiseErrors(replace(short, data=Dataset.of(side)), grid, short.solver, whole=True)

    def at(self, *etas: float) -> Array:
        """As :meth:`runs`, of constant etas."""
        return self.runs(np.repeat(np.array(etas)[:, None], self.steps, axis=1))

    def runs(self, etas: Array) -> Array:
        """Exact error, and its root mean square with the one in which nothing cancels, shape (scales, 2, B), etas (B, N)."""
        found = self._errors.groups(etas, ("exact", "absolute"), len(SCALES))
        exact, absolute = found[:, 0], found[:, 1]
        return np.stack([exact, np.hypot(exact, absolute) / np.sqrt(2)], axis=1)


class Ends(Scaled):
    """The same with eta 0 and 1, and what another constant eta may be said to do to them.

    Attributes
    ----------
    least : ndarray, shape (scales, 2)
        Smaller of the two errors, exact and mixed, at eta 0 and 1.
    more : ndarray, shape (scales, 2, B)
        Errors of runs asked for at once.
    """

    def __init__(self, problem: Problem, grid: Grid, etas: Array | None = None) -> None:
        super().__init__(problem, grid)
        ends = np.repeat([[0.0], [1.0]], self.steps, axis=1)
        found = self.runs(ends if etas is None else np.concatenate([ends, etas]))
        self.least, self.more = found[..., :2].min(axis=-1), found[..., 2:]

    def claim(self, eta: float) -> Claim:
        """What is said of an eta (eq. 342)."""
        return claim_beside(self.at(eta)[..., 0], self.least, eta)


def claim_beside(own: Array, others: Array, eta: float) -> Claim:
    """What is said of errors at an eta beside others, both of shape (scales, 2)."""
    return gained(own, others, eta <= 1)


def gained(own: Array, others: Array, moderate: bool) -> Claim:
    """The same; of other data only where noise is `moderate`."""
    gains = own < (1 - GAIN) * others
    if not gains[0, 0]:
        return "no"
    # Beyond 1 a step damps at a rate that grows with eta^2, and overshoots where a score is steeper than the Gaussian one.
    return "wider" if moderate and np.all(gains) else "gaussian"


def claim(problem: Problem, grid: Grid, eta: float) -> Claim | None:
    """What is said of an eta; None where the scheme has no finite error."""
    try:
        return Ends(problem, grid).claim(eta)
    except UnsupportedError:
        return None


def claim_over(own: Scaled, eta: float, rival: Scaled) -> Claim:
    """What is said of a run with noise beside one without, each on its own grid (eq. 423)."""
    return claim_beside(own.at(eta)[..., 0], rival.at(0.0)[..., 0], eta)
