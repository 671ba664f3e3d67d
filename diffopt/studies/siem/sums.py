"""Sums over rows that all estimates and their intervals need, level by level and group by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.studies.siem.levels import Levels

#: Groups of rows that are resampled, at most and at least, and numbers of the vector sums.
MOST, LEAST, NUMBERS = 64, 8, 16_000_000


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
    drift, square : ndarray, shape (L, G)
        Sums of r z and (r z)^2, z = y.(n - predicted)/sigma (theory.md, eq. 196).
    energy : ndarray, shape (L, G)
        Sums of r z^2, with the reference in the place of the noise where there is one (eq. 197).
    vector : ndarray, shape (L, G, d)
        Sums of r (n - predicted).
    length : ndarray, shape (L, G)
        Sums of r^2 |n - predicted|^2.
    """

    def __init__(self, levels: Levels, dim: int, rng: np.random.Generator) -> None:
        self.levels, self.dim, self.rng = levels, dim, rng
        many = NUMBERS // max(1, levels.sigma.size * dim)
        self.groups = int(np.clip(many, LEAST, MOST))
        shape = (levels.sigma.size, self.groups)
        self.count, self.drift, self.square, self.energy, self.length = (np.zeros(shape) for _ in range(5))
        self.vector = np.zeros((*shape, dim))
        self.seen = 0

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
        sigma = self.levels.sigma[number[keep]]
        weight = np.ones(sigma.size) if rows.weight is None else rows.weight[keep]
        state, gap = rows.state[keep], rows.noise[keep] - rows.predicted[keep]
        z = np.einsum("md,md->m", state, gap) / sigma
        other = z if rows.reference is None else np.einsum("md,md->m", state, rows.reference[keep] - rows.predicted[keep]) / sigma
        cell = number[keep] * self.groups + group[keep]
        size = self.count.size
        for total, part in (
            (self.count, np.ones(sigma.size)), (self.drift, weight * z), (self.square, (weight * z) ** 2),
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
