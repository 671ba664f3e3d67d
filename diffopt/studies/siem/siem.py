"""The estimates with their intervals, and the closed form for Gaussian states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.names import check_name
from diffopt.studies.siem.levels import Levels
from diffopt.studies.siem.sums import Rows, Sums

#: g^4 dt per unit of log sigma in each clock (theory.md, eq. 196); `vp` is the time of a variance-preserving process with
#: beta = 1, whose states are y/sqrt(1 + sigma^2) and whose y.e is the same.
RATES = {
    "vp": lambda sigma: 2 * sigma**2 / (1 + sigma**2), "variance": lambda sigma: 2 * sigma**2,
    "sigma": lambda sigma: 4 * sigma**3, "logsnr": lambda sigma: 4 * sigma**4,
}  # fmt: skip
RESAMPLES = 1000


@dataclass(frozen=True)
class Interval:
    """Estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Siem:
    """Metric of a score's error (theory.md, eqs. 195-198), a reconstruction.

    Attributes
    ----------
    coherent, per_particle : Interval
        Accumulated quadratic variation; the first can be negative, as it is unbiased.
    mean_vector_norm : Interval
        Root of the mean squared norm of the mean error of the predicted noise.
    upper_bound : bool
        Whether per_particle contains the spread of the noise itself (no reference).
    sigma, drift, rows : ndarray, shape (L,)
        Per level: noise ratio, mean of y.e, number of rows.
    gap : float
        Mean square of n - predicted over that of the better of 0 and y/sigma in its place, at each level: a network that
        estimates the noise is below 1.
    """

    coherent: Interval
    per_particle: Interval
    mean_vector_norm: Interval
    upper_bound: bool
    sigma: Array
    drift: Array
    rows: Array
    gap: float


def siem(
    blocks: Iterable[Rows], levels: Levels, dim: int, eta: float = 0.0, clock: str = "vp", seed: int = 0
) -> Siem:
    """Estimate from blocks of rows in the order of `levels.number`.

    Raises
    ------
    InputError
        Another clock, or other numbers of rows.
    """
    check_name(clock, RATES, "clock")
    rng = np.random.default_rng(seed)
    sums, exact = Sums(levels, dim, rng, RATES[clock]), True
    for rows in blocks:
        sums.add(rows)
        exact = exact and rows.reference is not None
    if sums.seen != levels.number.size:
        raise InputError(f"got {sums.seen} rows for {levels.number.size} noise ratios")
    return _Estimates(sums, eta, clock, rng).result(not exact)


class _Estimates:
    """Values of all resamples at once; the first is the sample itself."""

    def __init__(self, sums: Sums, eta: float, clock: str, rng: np.random.Generator) -> None:
        self.sums, levels = sums, sums.levels
        kappa = (1 + eta**2) / 2
        self.density = kappa**2 * RATES[clock](levels.sigma) * levels.width
        self.share = levels.width / levels.width.sum()
        groups = sums.groups
        drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=(RESAMPLES, levels.sigma.size))
        self.times = np.concatenate([np.ones((1, levels.sigma.size, groups)), drawn])

    def _total(self, by_group: Array) -> Array:
        return np.asarray(np.einsum("blg,lg->bl", self.times, by_group))

    def _pairs(self, square_of_sum: Array, sum_of_squares: Array) -> Array:
        """U-statistic of two different rows per level, shape (resamples, L); 0 where there are no two."""
        n = self._total(self.sums.count)
        pairs = n * (n - 1)
        return np.divide(square_of_sum - sum_of_squares, pairs, out=np.zeros_like(n), where=pairs > 0)

    def result(self, upper_bound: bool) -> Siem:
        """Sums over the levels, and quantiles of the resamples around their own mean."""
        sums = self.sums
        n = np.maximum(self._total(sums.count), 1)
        coherent = self._pairs(self._total(sums.drift) ** 2, self._total(sums.square)) @ self.density
        energy = (self._total(sums.energy) / n) @ self.density
        gram = np.einsum("lgd,lhd->lgh", sums.vector, sums.vector)
        square = np.einsum("blg,lgh,blh->bl", self.times, gram, self.times, optimize=True)
        mean = self._pairs(square, self._total(sums.length)) @ self.share
        norm = _interval(mean)
        rooted = Interval(*(float(np.sqrt(max(v, 0.0))) for v in (norm.value, norm.low, norm.high)))
        rows = sums.count.sum(axis=1)
        drift = sums.plain.sum(axis=1) / np.maximum(rows, 1)
        idle = float(sums.plainest.min(axis=0).sum())
        gap = float(sums.length.sum()) / idle if idle > 0 else 0.0
        return Siem(_interval(coherent), _interval(energy), rooted, upper_bound, sums.levels.sigma, drift, rows, gap)


def _interval(values: Array) -> Interval:
    """Value of the sample; a resample meets itself in pairs, so its own mean is taken off."""
    value, moved = float(values[0]), values[1:] - values[1:].mean()
    low, high = np.quantile(moved, [0.025, 0.975])
    return Interval(value, value + float(low), value + float(high))
