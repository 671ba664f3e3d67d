"""The expected squared Wasserstein error of a random covariance, as a norm of the spectrum with a kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.exact_chain import safe
from diffopt.studies.budget.sampler import LinearSampler
from diffopt.studies.budget.training import ScoreTraining

#: Eigenvalues closer than this, relatively, take the derivative for the difference quotient.
CLOSE = 2e-4
#: Relative step of the derivatives.
STEP = 1e-3


@dataclass(frozen=True, eq=False)
class Spread:
    """Second moments of a random change E of the output's covariance, per pair of directions.

    Attributes
    ----------
    pairs : ndarray, shape (d, d)
        Var E_ij of two different directions of the groups i and j.
    own : ndarray, shape (d,)
        Var E_ii.
    shift : ndarray, shape (d,)
        Mean of E_ii.
    """

    pairs: Array
    own: Array
    shift: Array

    @classmethod
    def zero(cls, size: int) -> Spread:
        """No randomness."""
        return cls(np.zeros((size, size)), np.zeros(size), np.zeros(size))

    def __add__(self, other: Spread) -> Spread:
        return Spread(self.pairs + other.pairs, self.own + other.own, self.shift + other.shift)


@dataclass(frozen=True, eq=False)
class Kernel:
    """Kernel of a term: the error is sum_ij w_i w_j pairs_ij + sum_i w_i own_i (theory.md, eq. 182).

    `own` is what the diagonal has beyond `pairs`, a direction with itself; `ratio` measures how far the expansion
    reaches, the mean of sum_j Var E_ij/(V_i (V_i + V_j)) over the error (eq. 186).
    """

    pairs: Array
    own: Array
    ratio: float

    def value(self, weight: Array) -> float:
        """The double sum."""
        return float(weight @ self.pairs @ weight + weight @ self.own)

    def by_eigenvalue(self, weight: Array) -> Array:
        """Share of every direction of a group, shape (d,)."""
        return np.asarray(self.pairs @ weight + self.own)


def wasserstein_kernel(variance: Array, target: Array, spread: Spread, weight: Array) -> Kernel:
    """Second order of W2^2 between N(0, V + E) and N(0, T) in E (theory.md, eq. 182).

    1/2 E_ij^2 sqrt(T_i T_j/(V_i V_j))/(sqrt(T_i V_i) + sqrt(T_j V_j)), and E_ij^2/(2 (V_i + V_j)) for V = T.
    """
    root, mixed = np.sqrt(safe(target, variance)), np.sqrt(target * variance)
    half = 0.5 * np.outer(root, root)
    factor = safe(half, mixed[:, None] + mixed[None, :])
    pairs, diagonal = factor * spread.pairs, np.diagonal(factor)
    own = diagonal * spread.own - np.diagonal(pairs)
    size = safe(spread.pairs, variance[:, None] * (variance[:, None] + variance[None, :])) @ weight
    kernel = Kernel(pairs, own, 0.0)
    shares = weight * kernel.by_eigenvalue(weight)
    total = float(shares.sum())
    return Kernel(pairs, own, float(shares @ size / total) if total > 0 else 0.0)


def sampling_spread(sampler: LinearSampler, spectrum: Spectrum, samples: float, training: ScoreTraining | None) -> Spread:
    """Of a covariance from n samples, through the sampler as a function of matrices (theory.md, eqs. 181, 193)."""
    slopes = Quotients(sampler, spectrum, training)
    pairs = np.outer(spectrum.eig, spectrum.eig) / samples
    own = np.diagonal(pairs)
    shift = (slopes.second * pairs) @ spectrum.weight + np.diagonal(slopes.second) * own
    return Spread(slopes.first**2 * pairs, 2 * np.diagonal(slopes.first) ** 2 * own, shift)


def exact_sampling(spectrum: Spectrum, samples: float) -> Spread:
    """The same for the sampler that returns its covariance: the sample covariance itself."""
    pairs = np.outer(spectrum.eig, spectrum.eig) / samples
    return Spread(pairs, 2 * np.diagonal(pairs), np.zeros_like(spectrum.eig))


class Quotients:
    """Difference quotients of the output's variance V(eig), the derivative where they are close (theory.md, eq. 181).

    Attributes
    ----------
    first, second : ndarray, shape (d, d)
        V[eig_i, eig_j] and V[eig_i, eig_i, eig_j].
    """

    def __init__(self, sampler: LinearSampler, spectrum: Spectrum, training: ScoreTraining | None) -> None:
        self._sampler, self._training = sampler, training
        self._blank = Spectrum(spectrum.eig, spectrum.weight)
        eig, step = spectrum.eig, STEP * spectrum.eig
        low2, low, value, high, high2 = (self._at(eig + k * step) for k in (-2, -1, 0, 1, 2))
        slope = safe(8 * (high - low) - (high2 - low2), 12 * step)
        curve = safe(16 * (high + low) - (high2 + low2) - 30 * value, 24 * step**2)
        gap = eig[:, None] - eig[None, :]
        size = (eig[:, None] + eig[None, :]) / 2
        close = np.abs(gap) <= CLOSE * size
        quotient = (value[:, None] - value[None, :]) / np.where(close, 1.0, gap)
        self.first = np.where(close, (slope[:, None] + slope[None, :]) / 2, quotient)
        near = np.abs(gap) <= 10 * CLOSE * size
        second = (slope[:, None] - self.first) / np.where(near, 1.0, gap)
        self.second = np.where(near, curve[:, None], second)

    def _at(self, eig: Array) -> Array:
        return self._sampler.output(replace(self._blank, eig=eig), self._training).variance


def training_spread(sampler: LinearSampler, spectrum: Spectrum, training: ScoreTraining) -> Spread:
    """Of weights with the variances of descent, levels trained independently (theory.md, eqs. 174, 175)."""
    total = Spread.zero(spectrum.eig.size)
    for level in sampler.levels(spectrum, training):
        noise, own = training.variance(spectrum, level.sigma)
        part, diagonal = noise * level.linear**2, np.diagonal(level.linear)
        pairs = part + part.T + 2 * training.mirrored(spectrum, level.sigma) * level.linear * level.linear.T
        extra = own * level.own - np.diagonal(noise) * np.diagonal(level.energy)
        shift = (noise * level.energy) @ spectrum.weight + extra
        total = total + Spread(pairs, 4 * own * diagonal**2, shift)
    return total
