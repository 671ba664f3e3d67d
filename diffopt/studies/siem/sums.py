"""Sums over rows that all estimates and their intervals need, level by level and group by group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.studies.siem.levels import Levels

#: Groups of rows that are resampled, at most and at least, and numbers of the vector sums: usual, and at most.
MOST, LEAST, NUMBERS, LIMIT = 64, 8, 16_000_000, 64_000_000
#: Rate of the metric by noise ratio.
Rate = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Rows:
    """Consecutive rows, samples first, flattened to (m, d).

    Attributes
    ----------
    state : ndarray
        y = x_0 + sigma n.
    noise, predicted : ndarray
        n, and the network's estimate of it.
    reference : ndarray or None
        A better network's estimate.
    weight : ndarray, shape (m,), or None
        Density ratio of the sampler's law to the marginal.
    """

    state: Array
    noise: Array
    predicted: Array
    reference: Array | None = None
    weight: Array | None = None


class Sums:
    """Running sums; memory does not grow with the rows.

    Attributes
    ----------
    count : ndarray, shape (L, G)
    plain : ndarray, shape (L, G)
        Sums of r z, z = y.(n - predicted)/sigma (theory.md, eq. 197).
    drift, square : ndarray, shape (L, G)
        Sums of r z and (r z)^2, z in units of the bin's rate where rows of different noise ratios share one (eq. 254).
    energy : ndarray, shape (L, G)
        Sums of r z^2, with the reference in the place of the noise where there is one (eq. 198).
    vector : ndarray, shape (L, G, d)
        Sums of r (n - predicted).
    length : ndarray, shape (L, G)
        Sums of r^2 |n - predicted|^2.
    plainest : ndarray, shape (2, L)
        Sums of r^2 |n|^2 and of r^2 |n - y/sigma|^2: the same of 0 and of y/sigma in the place of the network.
    """

    def __init__(self, levels: Levels, dim: int, rng: np.random.Generator, rate: Rate = np.ones_like) -> None:
        self.levels, self.dim, self.rng, self.rate = levels, dim, rng, rate
        if LEAST * levels.sigma.size * dim > LIMIT:
            raise InputError(
                f"{levels.sigma.size} noise levels of {dim} numbers take more memory than is allowed ({LIMIT // LEAST} numbers): "
                "take fewer levels, or a --window"
            )
        many = NUMBERS // max(1, levels.sigma.size * dim)
        self.groups = int(np.clip(many, LEAST, MOST))
        shape = (levels.sigma.size, self.groups)
        self.count, self.plain, self.drift, self.square, self.energy, self.length = (np.zeros(shape) for _ in range(6))
        self.vector = np.zeros((*shape, dim))
        self.seen, self.plainest = 0, np.zeros((2, levels.sigma.size))

    def add(self, rows: Rows) -> None:
        """Add rows, which follow those before them.

        Raises
        ------
        InputError
            Numbers that are not finite.
        """
        begin, self.seen = self.seen, self.seen + len(rows.state)
        number = self.levels.number[begin : self.seen]
        group = self.rng.integers(self.groups, size=number.size)
        keep = number >= 0
        self._check(rows, begin)
        sigma, middle = self.levels.of_rows(slice(begin, self.seen)), self.levels.sigma[number[keep]]
        weight = np.ones(sigma.size) if rows.weight is None else rows.weight[keep]
        state, gap = rows.state[keep], rows.noise[keep] - rows.predicted[keep]
        z = np.einsum("md,md->m", state, gap) / sigma
        other = z if rows.reference is None else np.einsum("md,md->m", state, rows.reference[keep] - rows.predicted[keep]) / sigma
        plain, unit = z, np.sqrt(self.rate(sigma) / self.rate(middle))
        z, other = unit * z, unit * other
        for total, left in zip(self.plainest, (rows.noise[keep], rows.noise[keep] - state / sigma[:, None]), strict=True):
            total += np.bincount(number[keep], weight**2 * np.einsum("md,md->m", left, left), total.size)
        cell = number[keep] * self.groups + group[keep]
        size = self.count.size
        for total, part in (
            (self.count, np.ones(sigma.size)), (self.plain, weight * plain),
            (self.drift, weight * z), (self.square, (weight * z) ** 2),
            (self.energy, weight * other**2), (self.length, weight**2 * np.einsum("md,md->m", gap, gap)),
        ):  # fmt: skip
            total += np.bincount(cell, part, size).reshape(total.shape)
        pick = sparse.csr_array((weight, (cell, np.arange(cell.size))), shape=(size, cell.size))
        self.vector += (pick @ gap).reshape(self.vector.shape)

    def _check(self, rows: Rows, begin: int) -> None:
        named = {"x0 or xt": rows.state, "noise": rows.noise, "predicted": rows.predicted, "reference": rows.reference}
        for name, array in {**named, "weights": rows.weight}.items():
            if array is None:
                continue
            bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
            if np.any(bad):
                raise InputError(f"{name}: row {begin + int(np.argmax(bad))} is not finite")
        if rows.weight is not None and np.any(rows.weight < 0):
            raise InputError("weights must be >= 0: they are ratios of densities")
