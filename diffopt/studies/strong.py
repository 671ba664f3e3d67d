"""Strong error: a scheme and the exact reverse SDE driven by one Brownian path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.law.law import Law
from diffopt.law.map_response import respond
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.solvers import Solver, run_table
from diffopt.solvers.maps import StepMaps
from diffopt.solvers.table import Table

#: Cells of a step on which the path is resolved, and Gauss nodes in a cell.
CELLS = 16
GAUSS = np.polynomial.legendre.leggauss(4)


@dataclass(frozen=True, eq=False)
class Coupled:
    """Mean square distance at the end between a scheme and the exact solution, by batches of paths.

    Attributes
    ----------
    square : ndarray, shape (B,)
        Batch means of sum w (z_N - z_exact)^2.
    """

    square: Array

    @property
    def error(self) -> float:
        """Root mean square distance."""
        return float(np.sqrt(self.square.mean()))


def strong_error(
    solver: Solver, grid: Grid, spectrum: Spectrum, eta: float, seed: int = 0, paths: int = 2000, batches: int = 20
) -> Coupled:
    """Simulate both from the same exact start (theory.md, eqs. 87, 88).

    The exact solution is sampled exactly given the path's increments; the scheme gets the Wiener integrals
    that its noise sources stand for. All directions share the path, which changes no mean square.

    Raises
    ------
    InputError
        A number of paths that the batches do not divide.
    UnsupportedError
        Schemes with memory, or whose sources are not declared as Wiener integrals.
    """
    if paths < batches or paths % batches:
        raise InputError(f"paths must be a positive multiple of {batches}, got {paths}; try 2000")
    table = run_table(solver, grid, eta if solver.eta_meaning else None)
    maps = table.maps if table.maps is not None and table.maps.random else None
    kernels = solver.kernels if solver.kernels is not None else _silent(table, solver)
    rng = np.random.default_rng(seed)
    path = _Path(solver, grid, spectrum, eta, rng, paths)
    response = respond(table, spectrum.eig)
    if response.reach > 1:
        raise UnsupportedError(f"strong errors need a solver without memory; {solver.name!r} has one")
    exact = path.start()
    state = exact * table.alpha[0]
    off = np.zeros_like(state)
    for k in range(grid.steps):
        exact = path.advance(k, exact)
        if maps is not None:
            state, off = _random_step(maps, k, state, off, path, rng)
            continue
        row = response.rows[-1]
        state = row.incoming[0][k] * state
        for s, value in row.source.items():
            state = state + value[k] * path.kernel(kernels[s])[:, None]
    gap = state - table.alpha[-1] * exact
    if spectrum.mean is not None:
        # Deviation of the mean from its track, random where the steps are (eq. 104).
        moved = off if maps is not None else np.asarray(Law(table, spectrum, "exact").mean_gap)
        gap = gap + moved * spectrum.mean
    square = (gap**2 @ spectrum.weight).reshape(batches, -1).mean(axis=1)
    return Coupled(square)


def _silent(table: Table, solver: Solver) -> tuple[str, ...]:
    """No kernels are needed where no noise is injected."""
    if table.stochastic:
        raise UnsupportedError(f"solver {solver.name!r} does not say which Wiener integrals its noise stands for")
    return ()


def _random_step(
    maps: StepMaps, k: int, state: Array, off: Array, path: _Path, rng: np.random.Generator
) -> tuple[Array, Array]:
    """A step with a random fraction of its own for every path: the centred state and the mean's error per unit mean."""
    fraction = rng.uniform(size=(1, state.shape[0]))
    points = maps.points
    pair = Points.create(points.process, points.sigma[..., k : k + 2])
    named = maps.numbers(pair.ends(), maps.eta[..., k : k + 1], fraction)
    x = {name: np.broadcast_to(value, fraction.shape)[0][:, None] for name, value in named.items()}
    inner, whole = path.until(fraction[0], maps.brownian)
    multiplier, _, bias = maps.law(x, path.eig)
    noise = maps.noise(x, path.eig, inner[:, None], whole[:, None])
    return np.asarray(multiplier * state + noise), np.asarray(multiplier * off + bias)


class _Path:
    """W in the clock u of the scheme on the cells of a step, and the exact solution in y = z/alpha.

    Every cell holds its increment and the moment int (u - middle) dW, so that integrals of smooth kernels
    against dW are known to third order in the cell; what is left is drawn with its exact variance.
    """

    def __init__(
        self, solver: Solver, grid: Grid, spectrum: Spectrum, eta: float, rng: np.random.Generator, paths: int
    ) -> None:
        self.grid, self.spectrum, self.eig, self.rng, self.paths = grid, spectrum, spectrum.eig, rng, paths
        self.eta = eta if solver.eta_meaning else 0.0
        self.clock = solver.clock_of(grid.process)

    def start(self) -> Array:
        """Exact marginal at the first point."""
        deviation = np.sqrt(self.eig + self.grid.sigmas[0] ** 2)
        return np.asarray(deviation * self.rng.standard_normal((self.paths, self.eig.size)))

    def advance(self, k: int, exact: Array) -> Array:
        """Draw the cells of step k and take the exact solution over it (eq. 88)."""
        process, ends = self.grid.process, self.grid.sigmas[k : k + 2]
        u = self.clock.value(process, ends, process.time(ends))
        edges = np.linspace(u[0], u[1], CELLS + 1)
        self.start_u, self.width = u[0], edges[1] - edges[0]
        self.middle = (edges[1:] + edges[:-1]) / 2
        nodes = self.middle[:, None] + self.width / 2 * GAUSS[0]
        sigma, time = self.clock.locate(process, nodes)
        rates = self.clock.rates(process, sigma, time, np.ones_like(sigma))
        alpha, _ = process.levels(sigma, time)
        self.speed, self.whole = rates.noise / (rates.scale * alpha) ** 2, ends[0] ** 2 - ends[1] ** 2
        draw = self.rng.standard_normal((2, self.paths, CELLS))
        self.jump, self.lever = draw[0] * np.sqrt(self.width), draw[1] * np.sqrt(self.width**3 / 12)
        a, c = (1 + self.eta**2) / 2, self.eig[:, None, None] + sigma**2
        end = self.eig + ends[1] ** 2
        kernel = self.eta * (end[:, None, None] / c) ** a * np.sqrt(self.speed)
        noise = self._integral(kernel) if self.eta else 0.0
        return np.asarray((end / (self.eig + ends[0] ** 2)) ** a * exact + noise)

    def _integral(self, kernel: Array) -> Array:
        """int kernel dW over the step for kernels at the Gauss nodes, shape (..., CELLS, G) to (paths, ...)."""
        half = self.width / 2
        mean = kernel @ GAUSS[1] / 2
        tilt = kernel @ (GAUSS[0] * GAUSS[1]) * half**2 * 12 / self.width**3
        square = kernel**2 @ GAUSS[1] * half
        rest = np.maximum(square - mean**2 * self.width - tilt**2 * self.width**3 / 12, 0).sum(axis=-1)
        known = self.jump @ np.moveaxis(mean, -1, 0) + self.lever @ np.moveaxis(tilt, -1, 0)
        return np.asarray(known + np.sqrt(rest) * self.rng.standard_normal(known.shape))

    def kernel(self, name: str) -> Array:
        """Standard normal variable of a source's kernel over the whole step, shape (paths,)."""
        if name == "variance":
            return self._integral(np.sqrt(self.speed / self.whole))
        h = self.width * CELLS
        flat = self.jump.sum(axis=1) / np.sqrt(h)
        if name == "clock":
            return np.asarray(flat)
        share = 1 - (self.middle - self.start_u) / h
        lever = (self.jump @ share - self.lever.sum(axis=1) / h) / np.sqrt(h)
        return np.asarray(np.sqrt(3) * (2 * lever - flat))

    def until(self, fraction: Array, clock: str) -> tuple[Array, Array]:
        """W at a random fraction (of the clock's step) and at the end, in the clock's or sigma^2's own units."""
        scale = np.sqrt(self.speed @ GAUSS[1] / 2) if clock == "variance" else np.ones(CELLS)
        scaled = self.jump * scale
        cell = np.minimum((fraction * CELLS).astype(int), CELLS - 1)
        part = fraction * CELLS - cell
        total = np.concatenate([np.zeros((self.paths, 1)), np.cumsum(scaled, axis=1)], axis=1)
        rows = np.arange(self.paths)
        bridge = np.sqrt(part * (1 - part) * self.width) * scale[cell] * self.rng.standard_normal(self.paths)
        return total[rows, cell] + part * scaled[rows, cell] + bridge, total[:, -1]
