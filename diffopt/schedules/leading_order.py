"""Grids that are optimal to leading order in the number of steps."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from scipy.optimize import minimize_scalar

from diffopt.compression import compress
from diffopt.density import Density
from diffopt.errors import InputError, UnsupportedError
from diffopt.grid import Grid
from diffopt.objectives.frechet import Frechet
from diffopt.schedules.base import Array, Request, Schedule
from diffopt.solvers import SOLVERS, Solver, run_table
from diffopt.spectrum import Spectrum

#: Candidates for the last positive level, and resolution of its logarithm between them.
CANDIDATES, RESOLUTION = 8, 0.02


class LeadingOrder(Schedule):
    """A schedule with a continuous density; the author writes the density and names its solver."""

    kind: ClassVar = "spectrum"
    status: ClassVar = "derived"
    uses_solver: ClassVar = False
    #: Solver for which the density is meant.
    solver: ClassVar[str]

    @classmethod
    def suits(cls, solver: Solver) -> bool:
        """Solvers of the same kind: first order, second order in one step, second order with memory."""
        own = SOLVERS[cls.solver]
        return (min(solver.order, 2), solver.memory > 0) == (own.order, own.memory > 0)

    @abstractmethod
    def density(self, spectrum: Spectrum, high: float, low: float) -> Density:
        """Share of the steps over [low, high]."""

    def continuous(self, request: Request) -> Density:
        """Density on the request's range, down to 0 where the grid ends there: a grid of any N follows.

        Raises
        ------
        UnsupportedError
            Without a spectrum.
        """
        if request.spectrum is None:
            raise UnsupportedError(f"schedule {self.name!r} is computed from the data; give a spectrum")
        low = 0.0 if request.end == "zero" else request.sigma_min
        return self.density(compress(request.spectrum).spectrum, request.sigma_max, low)

    def levels(self, request: Request) -> Array:
        """Equal shares of the density; before a last step to 0 the last level minimizes the exact error."""
        density = self.continuous(request)
        if request.end != "zero":
            return density.levels(request.levels)
        return density.levels(request.levels, self._last(request, density))

    def _last(self, request: Request, density: Density) -> float:
        """The last positive level, at least sigma_min: a one-dimensional search on the exact error."""
        assert request.spectrum is not None
        short = compress(request.spectrum).spectrum
        share = density.share(request.sigma_min)
        top = density.quantile(np.array([max(share, 2.5 / request.steps)]))[0]
        low = max(request.sigma_min, float(top) * 1e-4, 1e-12)
        if not top > low:
            return low

        def error(log_level: float) -> float:
            return self._error(request, density, short, float(np.exp(log_level)))

        levels = np.linspace(np.log(low), np.log(top), CANDIDATES)
        values = [error(x) for x in levels]
        best = int(np.argmin(values))
        ends = (levels[max(best - 1, 0)], levels[min(best + 1, CANDIDATES - 1)])
        found = minimize_scalar(error, bounds=ends, method="bounded", options={"xatol": RESOLUTION})
        return float(np.exp(found.x if found.fun < values[best] else levels[best]))

    def _error(self, request: Request, density: Density, spectrum: Spectrum, last: float) -> float:
        """Exact Frechet distance of the grid with this last level, infinite where there is none."""
        try:
            grid = Grid.create(request.process, np.append(density.levels(request.levels, last), 0.0))
            table = run_table(SOLVERS[self.solver](clock="sigma"), grid)
        except (InputError, UnsupportedError):
            return float("inf")
        value = Frechet().value(table, spectrum, "exact")
        return value if np.isfinite(value) else float("inf")
