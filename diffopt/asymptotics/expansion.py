"""Leading-order error of a solver along a smooth family of grids: integrals instead of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from diffopt.asymptotics.defects import Defect
from diffopt.asymptotics.rates import LinearRates
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array, Numbers
from diffopt.foundation.complex_step import STEP
from diffopt.law.linearized import linear_frechet, weak_error

#: Gauss nodes per panel, and panels on [0, 1].
NODES, PANELS = 12, 64


@dataclass(frozen=True, eq=False)
class Expansion:
    """V_N = v + N^-p dV + ..., mean likewise, for the grids sigma_k = path(k/N) (theory.md, eqs. 54-56).

    Attributes
    ----------
    defect : Defect
        Local defect of the solver; p is its order.
    spectrum : Spectrum
        Data.
    path : callable
        w in [0, 1] -> sigma, analytic (complex w is passed), strictly decreasing.
    eta : float or callable
        Diffusion-term coefficient, constant or a function of sigma.
    """

    defect: Defect
    spectrum: Spectrum
    path: Callable[[Numbers], Numbers]
    eta: float | Callable[[Array], Array] = 0.0

    @cached_property
    def _rates(self) -> LinearRates:
        return LinearRates(self.defect.process, self.defect.clock)

    @cached_property
    def nodes(self) -> tuple[Array, Array]:
        """Quadrature points and weights on [0, 1], shape (n, 1)."""
        x, weight = np.polynomial.legendre.leggauss(NODES)
        left = np.arange(PANELS)[:, None]
        points = (left + (x + 1) / 2) / PANELS
        return points.reshape(-1, 1), np.tile(weight / 2 / PANELS, PANELS)[:, None]

    @cached_property
    def _clock(self) -> tuple[Array, Array, Array]:
        """(u, du/dw, eta) at the nodes, shape (n, 1)."""
        moved = self._rates.reading(self.path(self.nodes[0] + 1j * STEP))
        sigma = np.asarray(self.path(self.nodes[0]), dtype=np.float64)
        eta = np.asarray(self.eta(sigma) if callable(self.eta) else np.full_like(sigma, self.eta))
        return np.asarray(moved.real), np.asarray(moved.imag / STEP), eta

    @cached_property
    def damping(self) -> Array:
        """log Phi from every node to the end, the integral of K du, shape (n, d) (eq. 54)."""
        u, speed, eta = self._clock
        rate = (self._rates.at(u, eta, self.spectrum.eig)[0] * speed).reshape(PANELS, NODES, -1)
        matrix = _tail_matrix() / PANELS
        inside = np.einsum("ij,pjd->pid", matrix, rate)
        whole = np.einsum("j,pjd->pd", np.polynomial.legendre.leggauss(NODES)[1] / 2 / PANELS, rate)
        after = whole[::-1].cumsum(axis=0)[::-1] - whole
        return np.asarray((inside + after[:, None]).reshape(PANELS * NODES, -1))

    @cached_property
    def variance_density(self) -> Array:
        """Where along w the variance error arises: u'^(p+1) D Phi^2 / scale_end^2, shape (n, d)."""
        u, speed, eta = self._clock
        defect = self.defect.density(u, eta, self.spectrum.eig)
        return np.asarray(speed ** (self.defect.order + 1) * defect * np.exp(2 * self.damping) / self._scale**2)

    @cached_property
    def _scale(self) -> float:
        sigma = np.asarray(self.path(np.ones(1)), dtype=np.float64)
        alpha, _ = self.defect.process.levels(sigma, self.defect.process.time(sigma))
        return float(self.defect.clock.scale(alpha)[0])

    @property
    def variance(self) -> Array:
        """N^p (V_N - v) to leading order, shape (d,) (eq. 55)."""
        return np.asarray((self.nodes[1] * self.variance_density).sum(axis=0) + self._first_step)

    @property
    def _first_step(self) -> Array:
        """What a first step of lower order adds, shape (d,)."""
        u, speed, eta = self._clock
        eig = self.spectrum.eig
        damping = (self.nodes[1] * self._rates.at(u, eta, eig)[0] * speed).sum(axis=0)
        moved = self._rates.reading(self.path(np.array([1j * STEP])))
        defect = self.defect.first_step(moved.real, eig) * (moved.imag / STEP) ** self.defect.order
        return np.asarray(defect * np.exp(2 * damping) / self._scale**2)

    @property
    def mean(self) -> Array:
        """N^p (mean_N - alpha mu) per unit mu to leading order, shape (d,) (eq. 56)."""
        u, speed, eta = self._clock
        defect = self.defect.mean_density(u, eta, self.spectrum.eig)
        density = speed ** (self.defect.order + 1) * defect * np.exp(self.damping)
        return np.asarray((self.nodes[1] * density).sum(axis=0) / self._scale)

    @property
    def target(self) -> Array:
        """Exact variance v where the grid ends, shape (d,)."""
        sigma = np.asarray(self.path(np.ones(1)), dtype=np.float64)
        alpha, level = self.defect.process.levels(sigma, self.defect.process.time(sigma))
        return np.asarray(alpha**2 * self.spectrum.eig + level**2)

    def frechet(self) -> float:
        """N^p times the Frechet distance, to leading order (eq. 59)."""
        return float(linear_frechet(self.variance, self.mean, self.target, self.spectrum))

    def weak(self, gradient: Array | float, hessian: Array | float) -> float:
        """N^p (E phi(X_N) - E phi(X)) for phi with E d_i phi and E d_ii phi at the exact law (eq. 60)."""
        return weak_error(self.variance, self.mean, self.spectrum, gradient, hessian)

    def linear(self) -> float:
        """N^p times the error of E sum z_i, phi linear (eq. 60)."""
        return self.weak(1.0, 0.0)

    def quadratic(self) -> float:
        """N^p times the error of E |z|^2 (eq. 60)."""
        mean = 0.0 if self.spectrum.mean is None else self.spectrum.mean
        return self.weak(2 * self._alpha * mean, 2.0)

    @property
    def _alpha(self) -> float:
        """Signal scale where the grid ends."""
        sigma = np.asarray(self.path(np.ones(1)), dtype=np.float64)
        return float(self.defect.process.levels(sigma, self.defect.process.time(sigma))[0][0])


def _tail_matrix() -> Array:
    """Integrals from each Gauss node to the end of [0, 1] of the interpolant through the nodes."""
    x = np.polynomial.legendre.leggauss(NODES)[0]
    degrees = range(NODES)
    values = np.polynomial.legendre.legvander(x, NODES - 1)
    anti = np.stack([_antiderivative(x, n) for n in degrees], axis=1)
    return np.asarray(anti @ np.linalg.inv(values) / 2)


def _antiderivative(x: Array, degree: int) -> Array:
    """Integral of the Legendre polynomial from x to 1."""
    series = np.polynomial.legendre.Legendre.basis(degree).integ(lbnd=1)
    return np.asarray(-series(x))
