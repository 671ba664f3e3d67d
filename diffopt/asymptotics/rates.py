"""The reverse dynamics of one eigenvalue, in a clock: two rates and their derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array, Numbers
from diffopt.foundation.complex_step import STEP
from diffopt.processes import Process
from diffopt.processes.clocks import Clock

#: Points and relative radius of the circle from which higher derivatives are read.
CIRCLE, RADIUS = 8, 0.02


@dataclass(frozen=True)
class LinearRates:
    """dy = K y du + (mean part) + sqrt(B) dW along the reverse process, y = scale z (theory.md, eq. 50).

    Attributes
    ----------
    process : Process
        Forward process.
    clock : Clock
        Variable u of the step, increasing along the reverse process.
    """

    process: Process
    clock: Clock

    def reading(self, sigma: Numbers) -> Numbers:
        """Clock reading u at noise ratios."""
        return self.clock.value(self.process, sigma, self.process.time(sigma))

    def at(self, u: Numbers, eta: Numbers | float, eig: Array) -> tuple[Numbers, Numbers, Numbers]:
        """(K, B, w) with w = scale^2 v the exact variance of y; u of shape (n, 1), eig of shape (d,)."""
        sigma, time = self.clock.locate(self.process, u)
        rates = self.clock.rates(self.process, sigma, time, np.asarray(eta) + 0 * u)
        alpha, level = self.process.levels(sigma, time)
        v = alpha**2 * eig + level**2
        gain = (rates.denoised * alpha * eig - rates.score) / (v * rates.scale)
        return rates.state + gain, rates.noise, rates.scale**2 * v

    def slopes(self, u: Numbers, eta: Numbers | float, eig: Array) -> tuple[Array, Array]:
        """(dK/du, dB/du) with eta held, by complex steps."""
        k, b, _ = self.at(u + 1j * STEP, eta, eig)
        return np.asarray(k.imag / STEP), np.asarray(b.imag / STEP)

    def curvature(self, u: Array, eta: Numbers | float, eig: Array) -> Array:
        """d^2 K/du^2."""
        return self._derivative(lambda v: self.at(v, eta, eig)[0], u, 2)

    def mean_derivative(self, u: Array, order: int) -> Array:
        """Derivative of the mean's track scale * alpha, 0 in the noise-ratio picture (theory.md, eq. 53)."""
        if self.clock.name != "time":
            return np.zeros_like(u)
        return self._derivative(lambda v: self.process.alpha(-v), u, order)

    def _derivative(self, function: Callable[[Numbers], Numbers], u: Array, order: int) -> Array:
        """Cauchy's integral on a small circle, free of subtraction (theory.md, eq. 51)."""
        radius = RADIUS * (np.ones_like(u) if self.clock.name == "logsnr" else np.abs(u))
        turns = np.exp(2j * np.pi * (np.arange(CIRCLE) + 0.5) / CIRCLE)
        total = sum(function(u + radius * turn) * turn ** (-order) for turn in turns)
        return np.asarray(np.real(total) * math.factorial(order) / CIRCLE / radius**order)
