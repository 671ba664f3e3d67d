"""A whole sampling run as arrays of coefficients that do not know the spectrum."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.maps import StepMaps
from diffopt.solvers.model_error import ModelError


@dataclass(frozen=True)
class Pattern:
    """Places (row, lag) or (row, source) of a table that are not all zero over the steps."""

    state: frozenset[tuple[int, int]]
    denoised: frozenset[tuple[int, int]]
    score: frozenset[tuple[int, int]]
    noise: frozenset[tuple[int, int]]

    @cached_property
    def active(self) -> tuple[tuple[int, int], ...]:
        """Pairs (row, lag) that any coefficient uses, sorted."""
        return tuple(sorted(self.state | self.denoised | self.score))

    @cached_property
    def by_row(self) -> dict[int, tuple[int, ...]]:
        """Active lags of each row."""
        rows = {r for r, _ in self.active}
        return {row: tuple(lag for r, lag in self.active if r == row) for row in rows}


def _spread(ends: Numbers, rows: int) -> Numbers:
    """The start, and the end of every step for each of its rows."""
    return np.asarray(np.concatenate([ends[..., :1], np.repeat(ends[..., 1:], rows, axis=-1)], axis=-1))


@dataclass(frozen=True, eq=False)
class Table:
    """Coefficients of a linear sampler: N steps of R rows each (theory.md, eq. 10).

    Node 0 is the start; row r of step k makes node i = k R + r + 1 from earlier nodes::

        z[i] = sum_l state[k,r,l] z[i-1-l] + denoised[k,r,l] D(z[i-1-l]) + score[k,r,l] S(z[i-1-l])
               + sum_s noise[k,r,s] xi[k,s]

    with D the denoiser E[x_0 | z], S the score of the marginal, and xi independent standard normal
    sources shared by the rows of a step. States live in the process's own coordinates,
    z = alpha x_0 + sigma n; the last row of a step is the state at the next grid point.

    Attributes
    ----------
    alpha, level : ndarray, shape (..., N R + 1)
        Signal and noise scale of every node.
    state, denoised, score : ndarray, shape (..., N, R, L)
        Coefficients of lag l.
    noise : ndarray, shape (..., N, R, S)
        Standard deviations by source.
    numbers, maps : ndarray, StepMaps or None
        For schemes outside eq. (10): numbers per step, shape (..., N, Q, P), and the maps made of them; the
        coefficients above are then all 0.
    error : ModelError or None
        What the model is off by, where the coefficients do not say it already. A random error owns the nodes
        with odd numbers and the last R/2 sources (theory.md, eqs. 171, 172).
    """

    alpha: Numbers
    level: Numbers
    state: Numbers
    denoised: Numbers
    score: Numbers
    noise: Numbers
    numbers: Numbers = field(default_factory=lambda: np.zeros(0))
    maps: StepMaps | None = None
    error: ModelError | None = None
    #: Complex copies of `numbers`, shape (C, N, Q, P), along whose imaginary parts derivatives are wanted.
    moved: Numbers | None = None
    #: Whether the arrays carry simultaneous grids in a last axis instead of leading ones (`columns`).
    aside: bool = False
    #: Places that are known to cover every coefficient, where somebody has looked before.
    covered: Pattern | None = None

    @classmethod
    def zeros(cls, points: Points, rows: int = 1, lags: int = 1, sources: int = 0) -> Table:
        """Table of zeros whose nodes all stand at the end of their step; solvers fill it in."""
        lead, steps = points.sigma.shape[:-1], points.steps
        dtype = np.result_type(points.alpha, points.noise)
        alpha, level = (np.array(a, dtype) if rows == 1 else _spread(a.astype(dtype), rows) for a in (points.alpha, points.noise))
        shape = (*lead, steps, rows, lags)
        noise = np.zeros((*lead, steps, rows, sources), dtype)
        return cls(alpha, level, np.zeros(shape, dtype), np.zeros(shape, dtype), np.zeros(shape, dtype), noise)

    @classmethod
    def mapped(cls, points: Points, maps: StepMaps) -> Table:
        """Table of a scheme whose steps are maps."""
        return replace(cls.zeros(points), numbers=maps.stacked(), maps=maps)

    def columns(self) -> Table:
        """The tables of B grids side by side: arrays (B, ...) become (..., B), so that a law runs over all at once."""
        names = ("alpha", "level", "state", "denoised", "score", "noise")
        arrays: dict[str, Any] = {n: np.ascontiguousarray(np.moveaxis(getattr(self, n), 0, -1)) for n in names}
        return replace(self, **arrays, aside=True)

    @property
    def _sizes(self) -> tuple[int, ...]:
        return self.state.shape[:3] if self.aside else self.state.shape[-3:]

    @cached_property
    def steps(self) -> int:
        """Number of steps N."""
        return int(self._sizes[0])

    @cached_property
    def rows(self) -> int:
        """Rows per step R."""
        return int(self._sizes[1])

    @property
    def lags(self) -> int:
        """Number of earlier nodes a row may use."""
        return int(self._sizes[2])

    @property
    def sources(self) -> int:
        """Independent noise sources per step."""
        return int(self.noise.shape[2 if self.aside else -1])

    @cached_property
    def pattern(self) -> Pattern:
        """Which coefficients are there at all."""
        if self.covered is not None:
            return self.covered
        places = []
        for array in (self.state, self.denoised, self.score, self.noise):
            steps = (0, 3) if self.aside else tuple(range(array.ndim - 2))
            used = (array != 0).any(axis=steps)
            places.append(frozenset((int(r), int(c)) for r, c in np.argwhere(used)))
        return Pattern(*places)

    @property
    def active(self) -> tuple[tuple[int, int], ...]:
        """Pairs (row, lag) with any coefficient, in the order in which rows are computed."""
        return self.pattern.active

    def put_node(self, row: int, alpha: Numbers, noise: Numbers) -> None:
        """Say at which signal and noise scales (per step) the nodes made by `row` stand, where not at the step's end."""
        self.alpha[..., row + 1 :: self.rows] = alpha
        self.level[..., row + 1 :: self.rows] = noise

    def reads(self, row: int, lag: int) -> tuple[int, slice]:
        """First step k in which `row` may read at `lag`, and the slice of nodes it reads from then on."""
        first = max(0, -((row - lag) // self.rows))
        start = first * self.rows + row - lag
        return first, slice(start, (self.steps - 1) * self.rows + row - lag + 1, self.rows)

    def node(self, row: int, lag: int) -> np.ndarray:
        """Index of the node that `row` reads at `lag`, shape (N,); negative ones are never used."""
        return np.arange(self.steps) * self.rows + row - lag

    @property
    def called(self) -> list[int]:
        """Nodes whose denoiser or score some row uses, in order."""
        return [int(node) for node in np.flatnonzero(self._called)]

    @property
    def _called(self) -> np.ndarray:
        """The same as a mask over the nodes, shape (..., N R + 1)."""
        used = np.zeros(self.alpha.shape, dtype=bool)
        model = (self.denoised != 0) | (self.score != 0)
        for row, lag in self.active:
            first, nodes = self.reads(row, lag)
            used[..., nodes] |= model[..., first:, row, lag]
        return used

    @property
    def calls(self) -> int:
        """Model evaluations; Jacobian products count."""
        return int(self.calls_each)

    @property
    def calls_each(self) -> np.ndarray:
        """Model evaluations of every grid of a table with leading axes, shape (...)."""
        if self.maps is not None:
            return np.full(self.alpha.shape[:-1], self.maps.calls * self.steps)
        return np.asarray(self._called.sum(axis=-1))

    @property
    def stochastic(self) -> bool:
        """Whether any noise is injected."""
        return bool(np.any(self.noise != 0)) or (self.maps is not None and bool(np.any(self.maps.eta != 0)))

    @property
    def output_weights(self) -> list[list[float]]:
        """c_kj of eq. (130) in the noise-ratio picture, newest output first, as many as there are; a real table with one row."""
        rows = np.asarray(self.denoised[:, 0, :] / self.alpha[1:, None])
        return [[float(c) for c in row[: k + 1]] for k, row in enumerate(rows)]
