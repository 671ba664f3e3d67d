"""Grids from a density of steps: every step takes the same share of an integral over sigma."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule

#: Quadrature nodes, equally spaced in log sigma.
NODES = 1201


@dataclass(frozen=True, eq=False)
class Marginals:
    """The Gaussian marginals x = x0 + sigma n at many noise ratios, for writing densities.

    Attributes
    ----------
    sigma : ndarray, shape (G, 1)
        Noise ratios.
    eig, weight : ndarray, shape (n,)
        Spectrum.
    """

    sigma: Array
    eig: Array
    weight: Array

    @cached_property
    def variance(self) -> Array:
        """V = eig + sigma^2, shape (G, n)."""
        return self.eig + self.sigma**2

    def sum(self, values: Array) -> Array:
        """Sum over directions of values of shape (G, n) or (G, 1), shape (G,)."""
        full = np.broadcast_to(values, (self.sigma.shape[0], self.eig.size))
        return np.asarray(full @ self.weight)


class DensitySchedule(Schedule):
    """Levels between which the integral of a density rho(sigma) is equal; the author writes rho."""

    kind = "spectrum"

    @abstractmethod
    def density(self, m: Marginals) -> Array:
        """Steps per unit of sigma, up to a factor, shape (G,)."""

    def levels(self, span: Span) -> Array:
        """Inverse of the cumulative integral (trapezoidal in log sigma) at equal shares."""
        spectrum = spectrum_of(span, self.name)
        high, low = span.finite(self.name)
        sigma = np.geomspace(low, high, NODES)
        rho = self.density(Marginals(sigma[:, None], spectrum.eig, spectrum.weight)) * sigma
        # The floor keeps the integral strictly increasing where the density vanishes.
        rho = np.maximum(rho, 1e-9 * rho.max())
        total = np.concatenate([[0.0], np.cumsum(rho[1:] + rho[:-1])])
        levels = np.exp(np.interp((1 - span.ramp()) * total[-1], total, np.log(sigma)))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)


def spectrum_of(span: Span, name: str) -> Spectrum:
    """Spectrum of a span.

    Raises
    ------
    UnsupportedError
        There is none.
    """
    if span.spectrum is None:
        raise UnsupportedError(f"schedule {name!r} is computed from a spectrum; name one, e.g. builtin:photos")
    return span.spectrum
