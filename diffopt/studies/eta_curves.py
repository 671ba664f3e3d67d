"""Factors and terms of each step as functions of its squared eta: from tables, and as cubics between a few of them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.law.step_factors import Chains, chains
from diffopt.studies.noise_errors import NoiseErrors

#: Step of differences in squared etas.
STEP = 1e-5
#: Largest gap, relative to the largest value of a step and eigenvalue, at which functions are taken for parabolas.
EXACT = 1e-11
#: Nodes by which parabolas are told from other curves.
FEW = 5
#: Largest gap of cubics between their nodes.
GOOD = 0.3
#: Rounding of terms that are differences of variances, relative to those.
ROUNDED = 1e-12


class Curves(Protocol):
    """Factors and terms side by side, shape (N, B, 2 D), of squared etas, shape (B, N).

    Attributes
    ----------
    first : ndarray, shape (D,)
        Start of the chains.
    size : ndarray, shape (N, 2 D)
        Factors without noise; of the terms the exact law's variances, and the signal, after each step.
    """

    first: Array
    size: Array

    def at(self, x: Array) -> Array:
        """Values."""

    def near(self, x: Array) -> tuple[Array, Array, Array]:
        """Values, slopes and second derivatives."""


@runtime_checkable
class Stacked(Curves, Protocol):
    """Curves of which several stand side by side, each run on its own."""

    def beside(self, others: Sequence[Any]) -> Stacked:
        """Some of one kind, in the axis of runs."""

    def of(self, places: NDArray[np.int_]) -> Stacked:
        """Those of runs, by the places among several."""


class TableCurves:
    """From the tables themselves; derivatives by differences of three tables, of all steps at once.

    Raises
    ------
    UnsupportedError
        Steps are no affine maps of their own.
    """

    def __init__(self, errors: NoiseErrors, leading: bool) -> None:
        self.errors, self.leading = errors, leading
        one = self._chains(np.zeros((1, errors.grid.steps)))
        self.first, self.size = one.first, np.concatenate([one.a[:, 0], one.size], axis=1)

    def at(self, x: Array) -> Array:
        """Values; not finite where a scheme blows up."""
        found = self._chains(np.sqrt(x))
        return np.concatenate([found.a, found.b], axis=-1)

    def near(self, x: Array) -> tuple[Array, Array, Array]:
        """Values, slopes and second derivatives, to second and first order in the step."""
        here, next_, after = np.split(self.at(np.concatenate([x, x + STEP, x + 2 * STEP])), 3, axis=1)
        return here, (4 * next_ - 3 * here - after) / (2 * STEP), (here - 2 * next_ + after) / STEP**2

    def _chains(self, etas: Array) -> Chains:
        errors = self.errors
        spectrum, start = errors.problem.spectrum, errors.problem.start
        with np.errstate(all="ignore"):
            found = [chains(table, spectrum, start, self.leading) for table in errors.tables(etas)]
        there = [one for one in found if one is not None]
        if len(there) < len(found):
            raise UnsupportedError("steps read earlier ones")
        a, b = (np.concatenate([getattr(one, name) for one in there], axis=1) for name in ("a", "b"))
        return Chains(a, b, there[0].first, there[0].size)


class Parabolas:
    """One parabola in the squared eta a step, through three nodes: laws of most schemes are."""

    def __init__(self, like: Curves, nodes: Array, values: Array) -> None:
        self.first, self.size = like.first, like.size
        inverse = np.linalg.inv(np.vander(nodes, 3, increasing=True))
        self.powers = np.einsum("pg,gnd->pnd", inverse, values)[:, :, None]

    def beside(self, others: Sequence[Parabolas]) -> Parabolas:
        """Several side by side, in the axis of runs."""
        found = copy(self)
        found.powers = np.concatenate([one.powers for one in others], axis=2)
        return found

    def of(self, places: NDArray[np.int_]) -> Parabolas:
        """Those of runs, by the places among several."""
        found = copy(self)
        found.powers = self.powers[:, :, places]
        return found

    def at(self, x: Array) -> Array:
        """Values."""
        x = x.T[..., None]
        found = x * self.powers[2]
        found += self.powers[1]
        found *= x
        found += self.powers[0]
        return np.asarray(found)

    def near(self, x: Array) -> tuple[Array, Array, Array]:
        """Values, slopes and second derivatives."""
        x, second = x.T[..., None], 2 * self.powers[2]
        slope = x * self.powers[2]
        here = slope + self.powers[1]
        slope += here
        here *= x
        here += self.powers[0]
        return here, slope, np.broadcast_to(second, here.shape)


class Cubics:
    """Cubics in the squared eta through the four nearest of some nodes (theory.md, eq. 407)."""

    def __init__(self, like: Curves, nodes: Array, values: Array) -> None:
        self.first, self.size, self.steps = like.first, like.size, values.shape[1]
        self.nodes, self.values, self.places = nodes, values[:, :, None], np.zeros(1, int)
        x = np.stack([nodes[i : nodes.size - 3 + i] for i in range(4)])
        self.bottom = (x[:, None] - x[None] + np.eye(4)[:, :, None]).prod(axis=1)

    def beside(self, others: Sequence[Cubics]) -> Cubics:
        """Several between the same nodes side by side."""
        found = copy(self)
        found.values = np.concatenate([one.values for one in others], axis=2)
        return found

    def of(self, places: NDArray[np.int_]) -> Cubics:
        """Those of runs, by the places among several."""
        found = copy(self)
        found.places = places
        return found

    def at(self, x: Array) -> Array:
        """Values."""
        place, away, bottom = self._around(x.T)
        a, b, c, d = away
        tops = (b * c * d, a * c * d, a * b * d, a * b * c)
        return self._mixed(place, [top / low for top, low in zip(tops, bottom, strict=True)])

    def near(self, x: Array) -> tuple[Array, Array, Array]:
        """Values, slopes and second derivatives."""
        place, away, bottom = self._around(x.T)
        others = [[away[j] for j in range(4) if j != i] for i in range(4)]
        weights: list[list[Array]] = [[], [], []]
        for (a, b, c), low in zip(others, bottom, strict=True):
            for found, top in zip(weights, (a * b * c, a * b + a * c + b * c, 2 * (a + b + c)), strict=True):
                found.append(top / low)
        here, slope, second = (self._mixed(place, weight) for weight in weights)
        return here, slope, second

    def _around(self, x: Array) -> tuple[NDArray[np.int_], Array, Array]:
        """First of four nodes around each x, distances to them and the products of theirs, shape (4, N, B)."""
        place = np.clip(np.searchsorted(self.nodes, x) - 2, 0, self.nodes.size - 4)
        return place, x - np.stack([self.nodes[place + i] for i in range(4)]), self.bottom[:, place]

    def _mixed(self, place: NDArray[np.int_], weights: list[Array]) -> Array:
        steps = np.arange(self.steps)[:, None]
        total: Array | float = 0.0
        for i, weight in enumerate(weights):
            total = total + weight[..., None] * self.values[place + i, steps, self.places]
        return np.asarray(total)


def between(curves: Curves, etas: Array, steps: int, most: float = GOOD) -> Curves:
    """Curves between tables at some etas: parabolas where all values are on them, cubics with gaps of `most`, or the tables."""
    nodes, few = etas**2, np.unique(np.linspace(0, etas.size - 1, FEW).astype(int))
    values = _rows(curves, nodes[few], steps)
    parabolas = Parabolas(curves, nodes[few][::2], values[::2])
    with np.errstate(invalid="ignore"):
        gap = EXACT * np.abs(values).max(axis=0) + ROUNDED * np.abs(curves.size)
        if np.all(np.abs(_rows(parabolas, nodes[few], steps) - values) <= gap):
            return parabolas
        values, middle = _rows(curves, nodes, steps), (etas[1:] + etas[:-1]) ** 2 / 4
        cubics = Cubics(curves, nodes, values)
        good = np.abs(_rows(cubics, middle, steps) - _rows(curves, middle, steps)) <= most * np.abs(values).max(axis=0)
    return cubics if np.all(good) else curves


def _rows(curves: Curves, x: Array, steps: int) -> Array:
    """Values at constant etas, shape (B, N, 2 D)."""
    return np.ascontiguousarray(np.moveaxis(curves.at(np.repeat(x[:, None], steps, axis=1)), 1, 0))
