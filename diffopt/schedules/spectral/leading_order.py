"""Grids that are optimal to leading order in the number of steps."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from diffopt.asymptotics.density import Density, optimal_density, rms_density
from diffopt.data.compression import short
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.foundation.scalar import minimize_scalar
from diffopt.objectives.frechet import Frechet
from diffopt.processes.grid import Grid
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.spectral.density import spectrum_of
from diffopt.solvers import SOLVERS, Solver, run_table

#: Candidates for the last positive level, and resolution of its logarithm between them.
CANDIDATES, RESOLUTION = 8, 0.02


class LeadingOrder(Schedule):
    """A schedule with a continuous density; the author writes the density and names its solver."""

    kind: ClassVar = "spectrum"
    status: ClassVar = "derived"
    #: Solver for which the density is meant.
    solver: ClassVar[str]

    @classmethod
    def suits(cls, solver: Solver) -> bool:
        """Solvers of the same kind: first order, second order in one step, second order with memory."""
        own = SOLVERS[cls.solver]
        return (min(solver.law_order, 2), solver.memory > 0) == (own.law_order, own.memory > 0)

    @abstractmethod
    def density(self, spectrum: Spectrum, high: float, low: float) -> Density:
        """Share of the steps over [low, high]."""

    def continuous(self, span: Span) -> Density:
        """Density on the span's range, down to 0 where the grid ends there: a grid of any N follows.

        Raises
        ------
        UnsupportedError
            Without a spectrum.
        """
        low = 0.0 if span.end == "zero" else span.sigma_min
        return self.density(short(spectrum_of(span, self.name), "search"), span.sigma_max, low)

    def levels(self, span: Span) -> Array:
        """Equal shares of the density; before a last step to 0 the last level minimizes the exact error."""
        density = self.continuous(span)
        if span.end != "zero":
            return density.levels(span.levels)
        # N positive levels also where sigma_min is 0: the 0 comes after them.
        return density.levels(span.steps, self._last(span, density))

    def _last(self, span: Span, density: Density) -> float:
        """The last positive level, at least sigma_min: a one-dimensional search on the exact error."""
        few = short(spectrum_of(span, self.name), "search")
        share = density.share(span.sigma_min)
        top = density.quantile(np.array([max(share, 2.5 / span.steps)]))[0]
        low = max(span.sigma_min, float(top) * 1e-4, 1e-12)
        if not top > low:
            return low

        def error(log_level: float) -> float:
            return self._error(span, density, few, float(np.exp(log_level)))

        levels = np.linspace(np.log(low), np.log(top), CANDIDATES)
        values = [error(x) for x in levels]
        best = int(np.argmin(values))
        ends = (levels[max(best - 1, 0)], levels[min(best + 1, CANDIDATES - 1)])
        place, value = minimize_scalar(error, float(ends[0]), float(ends[1]), RESOLUTION)
        return float(np.exp(place if value < values[best] else levels[best]))

    def _error(self, span: Span, density: Density, spectrum: Spectrum, last: float) -> float:
        """Exact Frechet distance of the grid with this last level, infinite where there is none."""
        try:
            grid = Grid.create(span.process, np.append(density.levels(span.steps, last), 0.0))
            table = run_table(SOLVERS[self.solver](clock="sigma"), grid)
        except (InputError, UnsupportedError):
            return float("inf")
        value = Frechet().value(table, spectrum, "exact")
        return value if np.isfinite(value) else float("inf")


class FirstOrder(LeadingOrder):
    """Optimal for Euler in the sigma clock (DDIM): the multi-eigenvalue tangent law.

    rho^2 ~ sum w v I eig/(eig + sigma^2)^2, self-consistent (theory.md, eqs. 70-72). For one eigenvalue
    it is uniform in arctan(sigma/sqrt(eig)), exactly optimal at every N (eq. 38).
    Reference: derived here.
    """

    name = "first_order"
    solver = "euler"
    reference = "derived here; leading order of DDIM/Euler"
    formula = "rho^2 ~ sum w v I eig/(eig + s^2)^2"

    def density(self, spectrum: Spectrum, high: float, low: float) -> Density:
        """kappa = eig/(eig + sigma^2)^2, eq. (61)."""
        return optimal_density(spectrum, lambda s, eig: eig / (eig + s**2) ** 2, 1, high, low)


class FirstOrder2M(LeadingOrder):
    """Root-mean-square density for DPM-Solver++(2M), whose local error changes sign.

    rho ~ (sum w v kappa^2)^(1/6), kappa = eig (3 eig - 2 sigma^2)/(2 sigma (eig + sigma^2)^3)
    per |d sigma|^3 (theory.md, eqs. 64, 73).
    Reference: derived here.
    """

    name = "first_order_2m"
    solver = "dpmpp_2m"
    reference = "derived here; rms of the leading order of 2M"
    formula = "rho ~ (sum w v kappa^2)^(1/6)"

    def density(self, spectrum: Spectrum, high: float, low: float) -> Density:
        """Eq. (73)."""

        def kappa(s: Array, eig: Array) -> Array:
            return eig * (3 * eig - 2 * s**2) / (2 * s * (eig + s**2) ** 3)

        return rms_density(spectrum, kappa, 2, high, low)


class FirstOrderHeun(LeadingOrder):
    """Optimal for Heun in the sigma clock.

    rho^3 ~ sum w v I eig sigma/(eig + sigma^2)^3, self-consistent (theory.md, eqs. 62, 70-72).
    Reference: derived here.
    """

    name = "first_order_heun"
    solver = "heun"
    reference = "derived here; leading order of Heun"
    formula = "rho^3 ~ sum w v I eig s/(eig + s^2)^3"

    def density(self, spectrum: Spectrum, high: float, low: float) -> Density:
        """kappa = eig sigma/(eig + sigma^2)^3, eq. (62)."""
        return optimal_density(spectrum, lambda s, eig: eig * s / (eig + s**2) ** 3, 2, high, low)
