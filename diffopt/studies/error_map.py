"""The squared error of a run, cut into steps and bands of eigenvalues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.contributions import Contributions
from diffopt.processes.grid import Grid
from diffopt.solvers import Solver, run_table

#: Bands of eigenvalues; entries beyond which neighbours are run as one; share of the largest below which one counts as 0.
BANDS, ENTRIES, NOTHING = 48, 4096, 1e-12


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """Parts of the squared distance from the exact law at the last level, in squared data units (theory.md, eq. 451).

    Attributes
    ----------
    sigma : ndarray, shape (N + 1,)
        Levels; pure noise and the data stand a factor 3 beyond the others.
    edges : ndarray, shape (m + 1,)
        Ends of the bands of eigenvalues, increasing; every band holds some.
    parts : ndarray, shape (N, m)
        What each step adds in each band.
    null : ndarray, shape (N,)
        What each step adds in directions without variance.
    from_noise, to_zero : bool
        Whether the first step leaves pure noise, and whether the last one goes to the data.
    flow : bool
        Whether programs write the levels as times s = sigma/(1 + sigma).
    """

    sigma: Array
    edges: Array
    parts: Array
    null: Array
    from_noise: bool
    to_zero: bool
    flow: bool

    @property
    def square(self) -> float:
        """All parts together: the square of the distance."""
        return float(self.parts.sum() + self.null.sum())

    @property
    def steps(self) -> Array:
        """Parts of the steps, shape (N,)."""
        return np.asarray(self.parts.sum(axis=1) + self.null)


def error_map(solver: Solver, grid: Grid, spectrum: Spectrum, eta: float | Array | None = None) -> ErrorMap:
    """Cut the squared error of a run from the exact start."""
    data = _shortened(spectrum)
    squared = Contributions(run_table(solver, grid, eta), data).squared
    there = data.eig > NOTHING * data.max
    band, edges = _bands(data.eig[there])
    parts = np.zeros((grid.steps, edges.size - 1))
    np.add.at(parts.T, band, squared[:, there].T)
    null, ends = squared[:, ~there].sum(axis=1), (bool(np.isinf(grid.sigmas[0])), bool(grid.sigmas[-1] == 0))
    return ErrorMap(_levels(grid, data), edges, parts, null, *ends, grid.process.flow)


def _bands(eig: Array) -> tuple[NDArray[np.intp], Array]:
    """Band of every eigenvalue, and the ends of the bands: halfway between neighbours, so that none is empty."""
    place = np.log(eig)
    width = max(float(place.max() - place.min()), 0.2) / BANDS
    bins = np.floor((place - place.min()) / width * (1 - 1e-12)).astype(int)
    used, band = np.unique(bins, return_inverse=True)
    low = np.array([place[bins == k].min() for k in used])
    high = np.array([place[bins == k].max() for k in used])
    between = (high[:-1] + low[1:]) / 2
    rim = max(width / 2, 0.05)
    return np.asarray(band, dtype=np.intp), np.exp(np.concatenate([[low[0] - rim], between, [high[-1] + rim]]))


def _shortened(spectrum: Spectrum) -> Spectrum:
    """A long spectrum with neighbours as one entry, at their mean."""
    if spectrum.eig.size <= ENTRIES or spectrum.mean is not None:
        return spectrum
    there = spectrum.eig > NOTHING * spectrum.max
    place = np.log(spectrum.eig[there])
    bins = np.floor((place - place.min()) / max(float(np.ptp(place)), 1e-9) * ENTRIES).astype(int)
    weight = np.bincount(bins, spectrum.weight[there])
    total = np.bincount(bins, spectrum.weight[there] * spectrum.eig[there])
    used, null = weight > 0, float(spectrum.weight[~there].sum())
    eig, weight = total[used] / weight[used], weight[used]
    if null > 0:
        eig, weight = np.append(eig, 0.0), np.append(weight, null)
    return Spectrum.create(eig, weight)


def _levels(grid: Grid, spectrum: Spectrum) -> Array:
    """Levels to draw: pure noise and the data stand beyond the last level, or beyond the data where there is none."""
    found = grid.sigmas[np.isfinite(grid.sigmas) & (grid.sigmas > 0)]
    ends = np.sqrt([spectrum.max, spectrum.eig[spectrum.eig > NOTHING * spectrum.max].min()])
    high, low = (found[0], found[-1]) if found.size else ends
    sigma = np.where(np.isfinite(grid.sigmas), grid.sigmas, 3 * high)
    return np.asarray(np.where(sigma > 0, sigma, low / 3))
