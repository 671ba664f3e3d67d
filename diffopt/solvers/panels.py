"""Quadrature over the random fraction of a step, graded towards the data and towards pure noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array, Numbers
from diffopt.processes.clocks import Clock
from diffopt.processes.points import Points

#: Gauss nodes per panel, and ratio of distances across a panel.
NODES, RATIO = 8, 3.0
#: Nodes where a search need not be exact, and from so many steps on, whose panels are mostly narrow.
ROUGH, ROUGHER, SHORT = 5, 4, 16
#: Panels at most towards an end of a step at the data or at pure noise, and steps to an end that is nowhere near.
PANELS, FAR = 12, 1e6
#: Distance of the poles of the smallest eigenvalue to the data, over that of the last edge but one: as far as from other panels.
ASIDE = 5.0

#: Numbers over all branches that are handled at once: two such arrays stay below what the allocator gives back.
PART = 24_000


@dataclass(frozen=True, eq=False)
class Panels:
    """Rows of branches of N steps, one row or more for each step (theory.md, eqs. 81, 448).

    Attributes
    ----------
    nodes, weight : ndarray, shape (R, Q)
        Values of the random fraction, and weights that are 1 together for each step.
    first : ndarray of int, shape (N,)
        First row of each step.
    owner : ndarray of int, shape (R,)
        Step of each row.
    """

    nodes: Array
    weight: Array
    first: NDArray[np.intp]
    owner: NDArray[np.intp]

    @classmethod
    def single(cls, steps: int) -> Panels:
        """One branch a step: nothing is random."""
        each = np.arange(steps)
        return cls(np.full((steps, 1), 0.5), np.ones((steps, 1)), each, each)

    @classmethod
    def along(cls, points: Points, clock: Clock, nodes: int = NODES, floor: float = 0.0) -> Panels:
        """Panels of the steps between points in a clock, for eigenvalues from floor^2; of several grids, one after the other."""
        process, steps = points.process, points.steps
        sigma, time = (a.real.reshape(-1, steps + 1)[: None if points.several else 1] for a in (points.sigma, points.time))
        with np.errstate(all="ignore"):
            u, lowest = clock.value(process, sigma, time), np.full(1, floor)
            length = np.diff(u)
            reach, top = -u[:, :-1] / length, (process.pole + u[:, :-1]) / length
            # The poles of the smallest eigenvalue are this far from the data, of the distance of the step's start.
            near = clock.value(process, lowest, process.time(lowest)) / u[:, :-1] if floor > 0 else 0 * length
        if clock.name == "logsnr":
            # Poles lie beside the line, at log sigma = log(eig)/2 +- i pi/2.
            return cls.graded(np.full(length.size, FAR), FAR, length.ravel() / np.log(RATIO), nodes)
        # Of other clocks the end at pure noise is infinitely far, or a power of sigma like any other level.
        return cls.graded(reach.ravel(), top.ravel() if clock.name == "time" else FAR, 1.0, nodes, near.ravel() / ASIDE)

    @classmethod
    def graded(
        cls, reach: Array, top: Array | float = FAR, least: Array | float = 1.0, nodes: int = NODES, near: Array | float = 0.0
    ) -> Panels:
        """Gauss panels, geometric in (reach - U)/(top + U): the rates have their poles near the data and near pure noise.

        Parameters
        ----------
        reach : ndarray, shape (N,)
            Place of the data in units of the step, from its start (1: the step ends there).
        top : ndarray or float
            How far before the start of the step pure noise lies, in the same units.
        least : ndarray or float
            Panels at least.
        nodes : int
            Nodes of a panel.
        near : ndarray or float
            Distance to the data, as a share of that of the step's start, below which one panel is enough.
        """
        nearest = RATIO**-PANELS
        reach, top = (np.fmin(np.fmax(a, low), FAR) for a, low in ((reach, 1.0), (top, nearest)))
        lowest = np.where(reach > 1, 1 - 1 / reach, nearest)
        logs = np.log(np.fmin(np.fmax(lowest, near), 1.0) * (top / (1 + top)))
        count = np.ceil(np.maximum(logs / -np.log(RATIO), least) - 1e-9).astype(int)
        owner = np.repeat(np.arange(reach.size), count)
        last = np.cumsum(count)
        first = last - count
        # (1 - U/reach)/(1 + U/top) falls from 1 to its value at the end geometrically over a step (eq. 448).
        rho = np.exp((np.arange(1, owner.size + 1) - first[owner]) * (logs / count)[owner])
        high = (1 - rho) / (1 / reach[owner] + rho / (top + 0 * reach)[owner])
        high[last - 1] = 1
        low = np.concatenate([[0.0], high[:-1]])
        low[first] = 0
        x, weight = _gauss(nodes)
        width = (high - low)[:, None]
        return cls(low[:, None] + width * x, width * weight, first, owner)

    @cached_property
    def further(self) -> list[tuple[int, slice]]:
        """Steps of several rows, and these."""
        ends = np.append(self.first[1:], self.owner.size)
        return [(int(k), slice(self.first[k], ends[k])) for k in np.flatnonzero(ends - self.first > 1)]

    def per_step(self, rows: Numbers) -> Numbers:
        """Sums over the rows of each step, (R, ...) to (N, ...)."""
        if not self.further:
            return rows
        # Most steps have one row.
        steps = rows[self.first]
        for step, part in self.further:
            np.add.reduce(rows[part], axis=0, out=steps[step, ...])
        return steps

    def parts(self, size: int) -> list[slice]:
        """Parts of `size` eigenvalues for which arrays over all branches are short."""
        step = max(1, PART // self.nodes.size)
        return [slice(a, a + step) for a in range(0, size, step)]

    def per_row(self, steps: Array) -> Array:
        """What each row has of its step, (N, ...) to (R, ...)."""
        return steps[self.owner] if self.further else steps


@cache
def _gauss(nodes: int) -> tuple[Array, Array]:
    """Nodes and weights on (0, 1)."""
    x, weight = np.polynomial.legendre.leggauss(nodes)
    return (x + 1) / 2, weight / 2
