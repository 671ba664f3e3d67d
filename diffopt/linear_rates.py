"""The reverse dynamics of one eigenvalue, in a clock: two rates and their derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffopt.clocks import Clock
from diffopt.processes import Process
from diffopt.processes.base import Numbers

Array = NDArray[np.float64]

#: Complex step of first derivatives, and the step (relative to the distance from the data) of second ones.
STEP, SECOND = 1e-30, 1e-3


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
        """d^2 K/du^2: imaginary part at u +- h exp(i pi/4), free of subtraction (theory.md, eq. 51)."""
        h = SECOND * self._distance(u)
        turn = h * np.exp(0.25j * np.pi)
        both = self.at(u + turn, eta, eig)[0] + self.at(u - turn, eta, eig)[0]
        return np.asarray(both.imag / h**2)

    def _distance(self, u: Array) -> Array:
        """Scale on which K varies in u: |u| where the data are at u = 0, else 1."""
        return np.ones_like(u) if self.clock.name == "logsnr" else np.abs(u)

    def mean_curvature(self, u: Array) -> Array:
        """d^2(scale alpha)/du^2: 0 in the noise-ratio picture, (f' + f^2) alpha in the time clock."""
        if self.clock.name != "time":
            return np.zeros_like(u)
        f = np.asarray(self.process.drift(-u))
        slope = np.asarray(self.process.drift(-u + 1j * STEP)).imag / STEP
        return np.asarray((slope + f**2) * self.process.alpha(-u))
