"""Langevin sampling at one noise level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.studies.budget.sampler import Level, LinearSampler, Output, mean_of
from diffopt.studies.budget.training import ScoreTraining


@dataclass(frozen=True)
class Langevin(LinearSampler):
    """y' = y + gamma S(y) + sqrt(2 gamma) xi at the noise ratio sigma (theory.md, eqs. 183-185).

    Attributes
    ----------
    gamma, sigma : float
        Step size, in data units squared, and noise ratio.
    steps : int or None
        Number of steps; None is the stationary law.
    first : float or None
        Variance of the start, mean 0; None starts from the data with noise sigma.
    """

    gamma: float
    sigma: float
    steps: int | None = None
    first: float | None = None
    name = "langevin"
    confined = True

    def _multiplier(self, eig: Array, training: ScoreTraining | None) -> Array:
        gain = eig / (eig + self.sigma**2)
        if training is not None and training.iterations is not None:
            tau = float(training.step(np.asarray(self.sigma)))
            gain = gain * (1 - (1 - tau * (eig + self.sigma**2)) ** training.iterations)
        m = 1 - self.gamma * (1 - gain) / self.sigma**2
        if np.any(np.abs(m) >= 1):
            low = float(np.min(eig)) + self.sigma**2
            raise InputError(f"Langevin with step {self.gamma:g} diverges: it must be below {2 * low:.6g}, 2 (eig + sigma-min^2)")
        return np.asarray(m)

    def output(self, spectrum: Spectrum, training: ScoreTraining | None = None, exact_start: bool = False) -> Output:
        """V' = m^2 V + 2 gamma."""
        m = self._multiplier(spectrum.eig, training)
        own = self.first is None or exact_start
        forgotten = self.steps is None or own
        mean = np.zeros_like(m) if forgotten else -(m ** (self.steps or 0)) * mean_of(spectrum)
        return Output(self._variance(m, spectrum.eig, own), mean)

    def _variance(self, m: Array, eig: Array, own: bool) -> Array:
        """Eq. (183)."""
        stationary = 2 * self.gamma / (1 - m**2)
        if self.steps is None:
            return np.asarray(stationary)
        first = eig + self.sigma**2 if own or self.first is None else self.first
        return np.asarray(stationary + m ** (2 * self.steps) * (first - stationary))

    def _own(self, m: Array, eig: Array) -> Array:
        """Half the second derivative of the variance by the gain, by differences."""
        h = 1e-3 * (1 - np.abs(m))
        second = self._variance(m + h, eig, False) - 2 * self._variance(m, eig, False) + self._variance(m - h, eig, False)
        return np.asarray(second / (2 * h**2) * (self.gamma / self.sigma**2) ** 2)

    def limit(self, spectrum: Spectrum) -> Output:
        """Data with noise sigma."""
        return Output(spectrum.eig + self.sigma**2, np.zeros_like(spectrum.eig))

    def sigmas(self) -> list[float]:
        """The one level."""
        return [self.sigma]

    @property
    def calls(self) -> int | None:
        """One call a step."""
        return self.steps

    def levels(self, spectrum: Spectrum, training: ScoreTraining | None = None) -> list[Level]:
        """Linear response and energy of the chain (eqs. 184, 185)."""
        m, b = self._multiplier(spectrum.eig, training), self.gamma / self.sigma**2
        row, column = m[:, None], m[None, :]
        own = self._own(m, spectrum.eig)
        if self.steps is not None:
            return [Level(self.sigma, *self._after_steps(spectrum, row, column, b), own)]
        v = self.output(spectrum, training).variance[None, :]
        both = row * column
        linear = b * v * column / (1 - both)
        energy = b**2 * v * (1 + both) / ((1 - row**2) * (1 - both))
        return [Level(self.sigma, linear, energy, own)]

    def _after_steps(self, spectrum: Spectrum, row: Array, column: Array, b: float) -> tuple[Array, Array]:
        """(V_j, M_ij, Q_ij, 1) follows a linear recursion; its power by squaring."""
        assert self.steps is not None
        size = row.size
        step = np.zeros((size, size, 4, 4))
        step[..., 0, 0], step[..., 0, 3] = column**2, 2 * self.gamma
        step[..., 1, 1], step[..., 1, 0] = row * column, b * column
        step[..., 2, 2], step[..., 2, 1], step[..., 2, 0] = row**2, 2 * b * row, b**2
        step[..., 3, 3] = 1.0
        power = np.linalg.matrix_power(step, self.steps)
        start = spectrum.eig + self.sigma**2 if self.first is None else np.full(size, self.first)
        moved = power[..., :3, 0] * start[None, :, None] + power[..., :3, 3]
        return moved[..., 1], moved[..., 2]
