"""Closed forms of the local defect: what one short step does wrong to the exact variance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.asymptotics.rates import LinearRates
from diffopt.foundation.arrays import Array, Numbers
from diffopt.foundation.complex_step import STEP
from diffopt.processes import Process
from diffopt.processes.clocks import CLOCKS, Clock, find_clock
from diffopt.solvers import Solver


@dataclass(frozen=True)
class Defect(ABC):
    """A step of length h in `clock` leaves scale^2 V = w + h^(order + 1) D(u) (theory.md, secs. 21 and 22).

    The author of a formula writes :meth:`density`; shapes as in :class:`LinearRates`.
    """

    order: ClassVar[int] = 1
    process: Process
    clock: Clock

    @abstractmethod
    def density(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """D, shape (n, d), in squared units of y."""

    def mean_density(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """The mean's defect per unit mean and h^(order + 1), shape (n, d) or (n, 1)."""
        del eta, eig
        return np.zeros_like(u)

    def first_step(self, u: Array, eig: Array) -> Array:
        """Extra defect per h^order of a first step of lower order, shape (n, d) or (n, 1)."""
        del eig
        return np.zeros_like(u)


class EulerDefect(Defect):
    """Euler and Euler-Maruyama: D = -K^2 w - K' w - K B - B'/2 and -(scale alpha)''/2 (eqs. 52, 53)."""

    def density(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """Eq. (52); the derivative of eta drops out."""
        rates = LinearRates(self.process, self.clock)
        k, b, w = rates.at(u, eta, eig)
        k_slope, b_slope = rates.slopes(u, eta, eig)
        return np.asarray(-(k**2 + k_slope) * w - k * b - b_slope / 2)

    def mean_density(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """Eq. (53)."""
        del eta, eig
        return -LinearRates(self.process, self.clock).mean_derivative(u, 2) / 2


class AncestralDefect(Defect):
    """DDIM(eta), ancestral, DDPM, in the variance clock: D = -a^2 eig/(q (eig + q)) (eq. 57)."""

    def density(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """Eq. (57)."""
        a, q = (1 + np.asarray(eta) ** 2) / 2, -u
        return np.asarray(-(a**2) * eig / (q * (eig + q)))


class IntegratorDefect(Defect):
    """Exponential integrator, in the variance clock: D = a^2/(eig + q) + a d(log alpha)/dq (eq. 58)."""

    def density(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """Eq. (58)."""
        a, q = (1 + np.asarray(eta) ** 2) / 2, -u
        sigma = np.sqrt(q + 1j * STEP)
        alpha = self.process.levels(sigma, self.process.time(sigma))[0]
        return np.asarray(a**2 / (eig + q) + a * alpha.imag / STEP / alpha.real)


class HeunDefect(Defect):
    """Heun for the flow ODE: D = w (K''/6 - K^3/3) in any clock (eq. 62)."""

    order = 2

    def density(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """Eq. (62)."""
        rates = LinearRates(self.process, self.clock)
        k, _, w = rates.at(u, 0.0 * np.asarray(eta), eig)
        return np.asarray(w * (rates.curvature(u, 0.0, eig) / 6 - k**3 / 3))

    def mean_density(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """Third derivative of the mean's track / 12 - K times the second / 4 (eq. 63)."""
        rates = LinearRates(self.process, self.clock)
        k = rates.at(u, 0.0 * np.asarray(eta), eig)[0]
        return np.asarray(rates.mean_derivative(u, 3) / 12 - k * rates.mean_derivative(u, 2) / 4)


class MultistepDefect(Defect):
    """DPM-Solver++(2M), in the logsnr clock: D = eig q (3 eig - 2 q)/(2 (eig + q)^2) (eq. 64)."""

    order = 2

    def density(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """Eq. (64), equal neighbouring steps."""
        q = np.exp(-2 * u)
        return np.asarray(eig * q * (3 * eig - 2 * q) / (2 * (eig + q) ** 2))

    def first_step(self, u: Array, eig: Array) -> Array:
        """The first step has no history and is DDIM's: -eig q/(eig + q) (eq. 64)."""
        q = np.exp(-2 * u)
        return np.asarray(-eig * q / (eig + q))


#: Formula and clock (None: the solver's own) by solver name.
FORMULAS: dict[str, tuple[type[Defect], str | None]] = {
    "euler": (EulerDefect, None),
    "euler_maruyama": (EulerDefect, None),
    "ddim": (AncestralDefect, "variance"),
    "euler_ancestral": (AncestralDefect, "variance"),
    "ddpm": (AncestralDefect, "variance"),
    "exponential_integrator": (IntegratorDefect, "variance"),
    "heun": (HeunDefect, None),
    "dpmpp_2m": (MultistepDefect, "logsnr"),
}


def find_defect(solver: Solver, process: Process) -> Defect | None:
    """Closed form for a solver on a process; None where there is none."""
    entry = FORMULAS.get(solver.name)
    if entry is None:
        return None
    formula, clock = entry
    return formula(process, CLOCKS[clock] if clock else find_clock(solver.clock_name(process), process))
