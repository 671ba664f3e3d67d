"""Distances between samples, with intervals; and the error along paths from the same noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import svdvals
from scipy.spatial.distance import cdist
from scipy.stats import t as student

from diffopt.foundation.arrays import Array

#: Groups of the jackknife.
JACKKNIFE = 10
#: Directions of the sliced distance.
DIRECTIONS = 256

Distance = Callable[[Array, Array], float]


@dataclass(frozen=True)
class Measured:
    """A number with a 95 % interval."""

    value: float
    low: float
    high: float


def frechet(a: Array, b: Array) -> float:
    """Frechet distance of the moments of two sets of samples, not squared (theory.md, eq. 156).

    Parameters
    ----------
    a, b : ndarray, shapes (n, d) and (m, d)
        Samples.
    """
    mean = a.mean(axis=0) - b.mean(axis=0)
    left, right = (_root(x - x.mean(axis=0)) for x in (a, b))
    cross = float(svdvals(left @ right.T).sum())
    return float(np.sqrt(max(mean @ mean + np.sum(left**2) + np.sum(right**2) - 2 * cross, 0.0)))


def _root(centred: Array) -> Array:
    """R with R^T R = covariance, of at most d rows: the trace of the geometric mean is a nuclear norm of R R'^T."""
    scaled = centred / np.sqrt(len(centred) - 1)
    return scaled if len(scaled) <= scaled.shape[1] else np.asarray(np.linalg.qr(scaled, mode="r"))


@dataclass(frozen=True)
class Sliced:
    """Sliced 2-Wasserstein distance times sqrt(d) (theory.md, eq. 157): a shift by m is at distance |m|.

    Attributes
    ----------
    directions, seed : int
        Random directions, the same in every call.
    """

    directions: int = DIRECTIONS
    seed: int = 0

    def __call__(self, a: Array, b: Array) -> float:
        """Distance of samples (n, d) and (m, d), exact in every direction for any n and m."""
        rng = np.random.default_rng([self.seed, a.shape[1]])
        axes = rng.standard_normal((a.shape[1], self.directions))
        axes /= np.linalg.norm(axes, axis=0)
        left, right = np.sort(a @ axes, axis=0), np.sort(b @ axes, axis=0)
        share, i, j = _couple(len(a), len(b))
        squares = share @ (left[i] - right[j]) ** 2
        return float(np.sqrt(a.shape[1] * squares.mean()))


def _couple(n: int, m: int) -> tuple[Array, Array, Array]:
    """The monotone coupling of n and m equal masses: shares and sorted indices."""
    edges = np.union1d(np.arange(n + 1) / n, np.arange(m + 1) / m)
    edges = edges[np.concatenate([[True], np.diff(edges) > 1e-14])]
    middle = (edges[:-1] + edges[1:]) / 2
    return np.diff(edges), (middle * n).astype(int), (middle * m).astype(int)


def energy(a: Array, b: Array) -> float:
    """Energy distance sqrt(2 E|X - Y| - E|X - X'| - E|Y - Y'|) of two sets of samples (theory.md, eq. 158)."""
    return _root_of(*(float(_gap_sums(x, y, 1).sum()) / (len(x) * len(y)) for x, y in ((a, b), (a, a), (b, b))))


def _root_of(between: float, first: float, second: float) -> float:
    return float(np.sqrt(max(2 * between - first - second, 0.0)))


def _gap_sums(a: Array, b: Array, groups: int, rows: int = 512) -> Array:
    """Sums of |x - y| by the groups of x and y, shape (G, G)."""
    total = np.zeros((groups, groups))
    for i in range(0, len(a), rows):
        gaps = cdist(a[i : i + rows], b)
        by_column = np.stack([gaps[:, g::groups].sum(axis=1) for g in range(groups)], axis=1)
        which = np.arange(i, i + len(gaps)) % groups
        np.add.at(total, which, by_column)
    return total


def _energies_without(a: Array, b: Array, paired: bool) -> list[list[float]]:
    """Energy distances without each group of both sets at once, or of one set and of the other."""
    groups = _groups(a)
    sums = [_gap_sums(x, y, groups) for x, y in ((a, b), (a, a), (b, b))]
    sizes = [np.array([len(x[g::groups]) for g in range(groups)], dtype=float) for x in (a, b)]
    every = np.ones(groups)
    masks = [every - np.eye(groups)[g] for g in range(groups)]

    def value(left: Array, right: Array) -> float:
        pairs = ((left, right, 0, 1), (left, left, 0, 0), (right, right, 1, 1))
        return _root_of(*(
            float(u @ m @ v) / float((u @ sizes[i]) * (v @ sizes[j])) for m, (u, v, i, j) in zip(sums, pairs, strict=True)
        ))  # fmt: skip

    if paired:
        return [[value(mask, mask) for mask in masks]]
    return [[value(mask, every) for mask in masks], [value(every, mask) for mask in masks]]


def pathwise(a: Array, b: Array) -> float:
    """Root mean square distance of samples that began from the same noise, row by row."""
    return float(np.sqrt(np.mean(np.sum((a - b) ** 2, axis=1))))


def median_gap(a: Array, b: Array) -> float:
    """Median distance of samples that began from the same noise: a few that switch branch do not rule it."""
    return float(np.median(np.linalg.norm(a - b, axis=1)))


#: Distances between laws by name.
DISTANCES: dict[str, Distance] = {"frechet": frechet, "sliced_w2": Sliced(), "energy": energy}
#: Distances along paths.
PATHWISE: dict[str, Distance] = {"rmse": pathwise, "median": median_gap}


def measure(distance: Distance, a: Array, b: Array, paired: bool) -> Measured:
    """Distance with a 95 % interval from a grouped jackknife (theory.md, eq. 159).

    Parameters
    ----------
    distance : callable
        Of two sets of samples.
    a, b : ndarray, shapes (n, d) and (m, d)
        Samples; with `paired`, rows that share their noise (n = m).
    paired : bool
        Leave out the same rows of both; otherwise the groups of each set are left out in turn and their
        variances added.
    """
    value = distance(a, b)
    if distance is energy:  # its sums are kept by group, so that nothing is computed twice
        parts = _energies_without(a, b, paired)
    elif paired:
        parts = [[distance(*(_without(x, g) for x in (a, b))) for g in range(_groups(a))]]
    else:
        parts = [[distance(_without(a, g), b) for g in range(_groups(a))]]
        parts += [[distance(a, _without(b, g)) for g in range(_groups(b))]]
    reach = float(student.ppf(0.975, max(len(parts[0]) - 1, 1)) * np.sqrt(sum(map(_spread, parts))))
    return Measured(value, max(value - reach, 0.0), value + reach)


def _groups(a: Array) -> int:
    return min(JACKKNIFE, len(a) // 2)


def _without(a: Array, group: int) -> Array:
    return np.delete(a, np.s_[group :: _groups(a)], axis=0)


def _spread(values: list[float]) -> float:
    """Jackknife variance (G - 1)/G sum (v - mean)^2."""
    count = len(values)
    return float((count - 1) / count * np.sum((np.array(values) - np.mean(values)) ** 2)) if count > 1 else 0.0
