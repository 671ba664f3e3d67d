"""Derivatives of a table with respect to the grid, by one complex evaluation with colouring.

A row depends on few grid points, so points that no row sees together can be perturbed at once
(theory.md, sec. 7): memory + 2 colours for the grid, one for eta, one per shared parameter.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.complex_step import STEP
from diffopt.law.table_bars import TableBars
from diffopt.processes import Process
from diffopt.processes.points import Points
from diffopt.solvers import Solver, build_table
from diffopt.solvers.table import Pattern, Table


@dataclass(frozen=True, eq=False)
class Design:
    """What an optimizer varies: noise ratios, eta, and directions that move everything together.

    Attributes
    ----------
    sigma : ndarray, shape (N + 1,)
        Levels; a final 0 and an infinite first level have no derivative.
    eta : ndarray, shape (N,)
        Diffusion-term coefficients.
    grid_free, eta_free : bool
        Whether derivatives by the noise ratios / by eta are wanted.
    directions : tuple of Direction
        Shared parameters.
    """

    sigma: Array
    eta: Array
    grid_free: bool = True
    eta_free: bool = False
    directions: tuple[Direction, ...] = ()

    @cached_property
    def movable(self) -> NDArray[np.bool_]:
        """Levels with a logarithm."""
        return np.isfinite(self.sigma) & (self.sigma > 0)


@dataclass(frozen=True, eq=False)
class Direction:
    """Derivative of the logarithms of the grid, of the process's and of the solver's fields by one shared parameter."""

    log_sigma: Array | None = None
    process: dict[str, float] | None = None
    solver: dict[str, float] | None = None


class DifferentiableTable:
    """Table of a design together with its derivatives.

    Attributes
    ----------
    table : Table
        Real coefficients; `pattern`, where given, is trusted to cover every coefficient.
    """

    def __init__(
        self, solver: Solver, process: Process, design: Design, pattern: Pattern | None = None
    ) -> None:
        self.design, self.memory = design, solver.memory
        self._colours = solver.memory + 2 if design.grid_free else 0
        lead = self._colours + int(design.eta_free)
        stacks = []
        if lead or not design.directions:
            sigma, eta = self._perturbed(max(lead, 1))
            stacks.append(build_table(solver, Points.create(process, sigma), eta))
        stacks.extend(self._along(solver, process, direction) for direction in design.directions)
        self._stack = _joined(stacks)
        real = [np.ascontiguousarray(a[0].real) for a in _arrays(self._stack)]
        moved = None if self._stack.maps is None else self._stack.numbers
        self.table = _made(real, self._stack, moved, pattern)

    def _perturbed(self, lead: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Copies of the grid and of eta, each with one colour perturbed."""
        design = self.design
        sigma = np.zeros((lead, design.sigma.size), complex)
        etas = np.zeros((lead, design.eta.size), complex)
        sigma.real, etas.real = design.sigma, design.eta
        steps = STEP * np.where(design.movable, design.sigma, 0.0)
        for colour in range(self._colours):
            sigma.imag[colour, colour :: self._colours] = steps[colour :: self._colours]
        if design.eta_free:
            etas.imag[self._colours] = STEP
        return sigma, etas

    def _along(self, solver: Solver, process: Process, direction: Direction) -> Table:
        sigma, movable = self.design.sigma.astype(complex), self.design.movable
        if direction.log_sigma is not None:
            sigma[movable] *= 1 + 1j * STEP * direction.log_sigma[movable]
        moved = {k: getattr(process, k) + 1j * STEP * v for k, v in (direction.process or {}).items()}
        tuned = {k: getattr(solver, k) + 1j * STEP * v for k, v in (direction.solver or {}).items()}
        process = moved_process(process, moved)
        solver = replace(solver, **tuned) if tuned else solver
        return build_table(solver, Points.create(process, sigma[None]), self.design.eta[None].astype(complex))

    def gradient(self, bars: TableBars) -> tuple[Array, Array, Array]:
        """Derivatives by log_sigma (N + 1,), by eta (N,) and by the directions, from those by the table."""
        per_step = self._contract(bars)
        steps, colours = self.design.eta.size, self._colours
        by_grid, by_eta = np.zeros(steps + 1), np.zeros(steps)
        if colours:
            colour, seen = _seen(steps, self.memory)
            padded = np.zeros((colours, steps + self.memory + 2))
            padded[:, 1 : steps + 1] = per_step[:colours]
            by_grid = padded[colour, seen].sum(axis=-1)
        by_grid[~self.design.movable] = 0.0
        if self.design.eta_free:
            by_eta = per_step[colours]
        count = len(self.design.directions)
        along = per_step[per_step.shape[0] - count :].sum(axis=-1) if count else np.zeros(0)
        return by_grid, by_eta, along

    def _contract(self, bars: TableBars) -> Array:
        """sum of bar * derivative over each step's own numbers, shape (colours, N)."""
        stack, steps, rows = self._stack, self.design.eta.size, self._stack.rows
        total = np.zeros((stack.state.shape[0], steps))
        for name in ("state", "denoised", "score", "noise"):
            bar = getattr(bars, name)
            for r, place in getattr(self.table.pattern, name):
                total += getattr(stack, name).imag[:, :, r, place] * bar[:, r, place]
        if stack.maps is not None:
            total += bars.numbers * STEP
        product = stack.alpha.imag * bars.alpha + stack.level.imag * bars.level
        total += product[:, 1:] if rows == 1 else product[:, 1:].reshape(-1, steps, rows).sum(axis=-1)
        total[:, 0] += product[:, 0]
        return total / STEP


@lru_cache(maxsize=64)
def _seen(steps: int, memory: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Colour of each grid point, (N + 1, 1), and the steps that see it as places in rows padded by 1 and memory + 1."""
    points = np.arange(steps + 1)[:, None]
    return points % (memory + 2), points + np.arange(memory + 2)


def _arrays(table: Table) -> tuple[NDArray[Any], ...]:
    arrays = (table.alpha, table.level, table.state, table.denoised, table.score, table.noise)
    return arrays if table.maps is None else (*arrays, table.numbers)


def _joined(tables: list[Table]) -> Table:
    if len(tables) == 1:
        return tables[0]
    sources = max(t.sources for t in tables)
    tables = [_with_sources(t, sources) for t in tables]
    joined = [np.concatenate(parts) for parts in zip(*(_arrays(t) for t in tables), strict=True)]
    return _made(joined, tables[0])


def _with_sources(table: Table, sources: int) -> Table:
    """The table with silent sources behind its own: schemes have none where eta is 0 and not moved."""
    more = sources - table.sources
    if not more:
        return table
    return replace(table, noise=np.pad(table.noise, [(0, 0)] * (table.noise.ndim - 1) + [(0, more)]))


def _made(
    arrays: list[NDArray[Any]], like: Table, moved: NDArray[Any] | None = None, covered: Pattern | None = None
) -> Table:
    """The inverse of :func:`_arrays`."""
    alpha, level, state, denoised, score, noise = arrays[:6]
    numbers = like.numbers if like.maps is None else arrays[6]
    return Table(alpha, level, state, denoised, score, noise, numbers, like.maps, like.error, moved, covered=covered)


def moved_process(process: Process, fields: dict[str, Any]) -> Process:
    """Copy of a process with complex fields, which its constructor would refuse."""
    if not fields:
        return process
    moved = copy(process)
    vars(moved).update(fields)
    return moved
