"""Step-size control in the limit of small steps."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.spectral.density import NODES, Marginals, spectrum_of

#: Absolute tolerance of the published controllers, per pixel.
ABSOLUTE = 0.0078


class Controller(Schedule):
    """Levels where a controller with relative tolerance eps_rel accepts steps of error exactly 1.

    An embedded pair whose difference is C(sigma) h^order per pixel takes 1/h = (C/tol)^(1/order)
    steps per unit of sigma, tol = max(ABSOLUTE, eps_rel rms(x)); eps_rel follows from the count N.
    Real samples give random step sizes; on Gaussian data the root mean square is exact.
    """

    kind = "spectrum"
    status = "derived"
    #: Power of the step in the pair's difference.
    order: ClassVar[float]

    @abstractmethod
    def error(self, m: Marginals) -> Array:
        """C(sigma), root mean square over directions, shape (G,)."""

    def levels(self, span: Span) -> Array:
        """Equal shares of the number of steps."""
        spectrum = spectrum_of(span, self.name)
        high, low = span.finite(self.name)
        sigma = np.geomspace(low, high, NODES)
        m = Marginals(sigma[:, None], spectrum.eig, spectrum.weight)
        error = np.maximum(self.error(m), 1e-300)
        size = np.sqrt(m.sum(m.variance) / spectrum.weight.sum())
        total = self._count(error, size, sigma, span.levels - 1)
        levels = np.exp(np.interp((1 - span.ramp()) * total[-1], total, np.log(sigma)))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)

    def _count(self, error: Array, size: Array, sigma: Array, wanted: int) -> Array:
        """Cumulative number of steps; bisection on log eps_rel for the total."""
        bounds = [-30.0, 30.0]
        for _ in range(50):
            middle = sum(bounds) / 2
            rho = (error / np.maximum(ABSOLUTE, np.exp(middle) * size)) ** (1 / self.order) * sigma
            steps = np.log(sigma[1] / sigma[0]) * np.concatenate([[0.0], np.cumsum((rho[1:] + rho[:-1]) / 2)])
            bounds[int(steps[-1] < wanted)] = middle
        return np.asarray(steps)


class AdaptiveSDE(Controller):
    """Where an error-controlled reverse-SDE sampler puts its steps in the limit of small steps.

    Euler-Maruyama against improved Euler with the same noise, in the variance clock: their difference
    is (1/2) dv^(3/2) xi/V, so its mean square is sum 2 sigma^3/V^2 |dsigma|^3. The controller divides it
    by max(0.0078, eps_rel rms(x)); eps_rel is the one for which the count of steps is N.
    Reference: derived here after Jolicoeur-Martineau et al. 2021, arXiv:2105.14080.
    """

    name = "adaptive_sde"
    slow = True
    reference = "derived here after Jolicoeur-Martineau et al. 2021, arXiv:2105.14080"
    formula = "density (sum 2 sigma^3/V^2 / tolerance^2)^(1/3), tolerance max(0.0078, eps_rel rms(x))"
    order = 1.5

    def error(self, m: Marginals) -> Array:
        """Root mean square error of a step of unit length, shape (G,)."""
        return np.asarray(np.sqrt(2 * m.sigma[:, 0] ** 3 * m.sum(m.variance**-2.0) / m.weight.sum()))


#: Step in log sigma with which the leading error coefficient of the pair is measured.
STEP = 0.02


class DPMAdaptive(Controller):
    """Where k-diffusion's dpm_adaptive puts its steps in the limit of small steps.

    The difference of DPM-Solver of order 2 (r1 = 1/3) and 3 (r1 = 1/3, r2 = 2/3), run on every
    eigenvalue over a short step h in log sigma, is C h^3; the controller divides it by
    max(0.0078, eps_rel rms(x)), and eps_rel is the one for which the count of steps is N.
    Reference: k-diffusion, DPMSolver.dpm_solver_adaptive (order 3); limit derived here.
    """

    name = "dpm_adaptive"
    slow = True
    reference = "k-diffusion, dpm_solver_adaptive (order 3); limit of small steps derived here"
    formula = "density (rms|x_2 - x_3|/h^3 / tolerance)^(1/3)/sigma, tolerance max(0.0078, eps_rel rms(x))"
    order = 3.0

    def error(self, m: Marginals) -> Array:
        """|x_2 - x_3| of a unit step in sigma: the coefficient in log sigma over sigma^3."""
        low, high = pair(m.sigma, m.eig, STEP)
        square = m.sum((low - high) ** 2 * m.variance) / m.weight.sum()
        return np.asarray(np.sqrt(square) / (STEP * m.sigma[:, 0]) ** 3)


def pair(sigma: Array, eig: Array, h: float) -> tuple[Array, Array]:
    """Factors by which the two solvers multiply a coordinate over a step h, shape (G, n) each."""
    third, two, end = (sigma * np.exp(-h * r) for r in (1 / 3, 2 / 3, 1.0))
    eps = sigma / (eig + sigma**2)
    u1 = 1 - third * np.expm1(h / 3) * eps
    d1 = third / (eig + third**2) * u1 - eps
    low = 1 - end * np.expm1(h) * (eps + 1.5 * d1)
    u2 = 1 - two * (np.expm1(2 * h / 3) * eps + 2 * (np.expm1(2 * h / 3) / (2 * h / 3) - 1) * d1)
    d2 = two / (eig + two**2) * u2 - eps
    high = 1 - end * (np.expm1(h) * eps + 1.5 * (np.expm1(h) / h - 1) * d2)
    return low, high
