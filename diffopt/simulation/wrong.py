"""A target whose denoiser is wrong in a known way, as a network's is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.simulation.empirical import Empirical
from diffopt.simulation.gaussian import Gaussian
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.target import Target, score_from_denoiser
from diffopt.solvers.model_error import ModelError
from diffopt.solvers.score_error import PURE_NOISE


@dataclass(frozen=True, eq=False)
class Axes:
    """Principal axes of a target's covariance: eigenvalues (d,), eigenvectors (d, d) in columns, and its mean (d,)."""

    eig: Array
    basis: Array
    mean: Array

    @classmethod
    def of(cls, target: Target) -> Axes:
        """Those of a target.

        Raises
        ------
        InputError
            Its covariance is not known.
        """
        if isinstance(target, Gaussian):
            return cls(target.eig, np.eye(target.dim), target.mean)
        if isinstance(target, Mixture):
            mean, covariance = target.weights @ target.means, target.covariance()
        elif isinstance(target, Empirical):
            mean, covariance = target.samples.mean(axis=0), target.covariance()
        else:
            raise InputError("a score error needs the axes of the target's covariance: use --mixture or --samples")
        eig, basis = np.linalg.eigh(covariance)
        return cls(np.maximum(eig, 0), basis, mean)


@dataclass(frozen=True, eq=False)
class Wrong(Target):
    """The denoiser of a target with a model error along the axes of its covariance (theory.md, eqs. 340, 341).

    Attributes
    ----------
    target : Target
        What is right.
    error : ModelError
        What the denoiser is off by.
    axes : Axes
        Directions of the error.
    rng : Generator
        Of errors of mean 0; one model call has one error, whatever reads it.
    """

    target: Target
    error: ModelError
    axes: Axes
    rng: np.random.Generator
    _last: list[Any] = field(default_factory=lambda: [None, None], repr=False)

    @property
    def dim(self) -> int:
        """Numbers in one sample."""
        return self.target.dim

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Samples of the data, which are not wrong."""
        return self.target.draw(count, rng)

    def denoise(self, z: Array, alpha: float, noise: float) -> Array:
        """The exact denoiser and its error, shape (n, d).

        Raises
        ------
        UnsupportedError
            At pure noise, where the noise ratio is infinite.
        """
        if alpha == 0:
            raise UnsupportedError(PURE_NOISE)
        right, error = self.target.denoise(z, alpha, noise), self.error
        if error.random:
            return np.asarray(right + self._drawn(z, noise / alpha))
        if error.kind == "relative":
            return np.asarray(right + self._along(right - z / alpha, error.rule(self.axes.eig, np.array(noise / alpha))))
        deviation = np.sqrt(alpha**2 * self.axes.eig + noise**2)
        size = np.broadcast_to(error.size(self.axes.eig, np.array(noise / alpha)), deviation.shape)
        gain = np.divide(size, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        return np.asarray(right - self._along(z - alpha * self.axes.mean, gain))

    def score(self, z: Array, alpha: float, noise: float) -> Array:
        """Score of the wrong denoiser; a relative systematic error has one at noise 0 too, shape (n, d)."""
        if self.error.kind == "relative" and not self.error.random and alpha > 0:
            right = self.target.score(z, alpha, noise)
            return np.asarray(right + self._along(right, self.error.rule(self.axes.eig, np.array(noise / alpha))))
        return score_from_denoiser(self.denoise(z, alpha, noise), z, alpha, noise)

    def jacobian(self, z: Array, alpha: float, noise: float, direction: Array) -> Array:
        """Jacobian of the wrong denoiser; an error that does not depend on the state has none (eq. 253)."""
        if self.error.random:
            return self.target.jacobian(z, alpha, noise, direction)
        return super().jacobian(z, alpha, noise, direction)

    def _along(self, rows: Array, factors: Any) -> Array:
        """Rows with each principal component times its factor."""
        values = np.broadcast_to(factors, self.axes.eig.shape)
        if np.all(values == values[0]):
            return np.asarray(values[0] * rows)
        return np.asarray(((rows @ self.axes.basis) * values) @ self.axes.basis.T)

    def _drawn(self, z: Array, sigma: float) -> Array:
        """A fresh error for a state that was not the last one."""
        if self._last[0] is not z:
            size = self.error.size(self.axes.eig, np.array(sigma))
            self._last[:] = [z, (size * self.rng.standard_normal(z.shape)) @ self.axes.basis.T]
        return np.asarray(self._last[1])
