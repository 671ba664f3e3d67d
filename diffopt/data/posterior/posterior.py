"""Posterior of Gaussian data under a linear measurement y = A x + noise: its spectrum and mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from diffopt.data.posterior.operators.base import Operator
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array, Shape

#: Largest dimension for dense algebra, unless the caller allows more: about 20 s of one core.
DENSE = 3072
#: How a covariance in pixels is made.
MAKE = "diffopt spectrum estimate SAMPLES --covariance -o cov.npz"


def remade(facts: Mapping[str, Any]) -> str:
    """How the covariance in pixels is made of the samples of an estimate, with its scale where that is known.

    `population` has no directions; `analytical` is the rule for few samples that has.
    """
    shrinkage, scaling, std = facts.get("shrinkage"), facts.get("scale"), facts.get("pooled_std")
    flags = " --shrinkage analytical" if shrinkage == "population" else ""
    if isinstance(scaling, Mapping) and scaling.get("origin") == "standardized" and isinstance(std, int | float):
        flags += f" --standardize {std:.6g}"
    return f"{MAKE}{flags}"


@dataclass(frozen=True, eq=False)
class Prior:
    """Gaussian data: a dense covariance, or independent Fourier modes of a periodic field.

    Attributes
    ----------
    shape : tuple of int
        Shape of an array of data; (d,) for plain vectors.
    covariance : ndarray, shape (d, d), or None
        In pixels; None for a field given by its power.
    power : ndarray of shape `shape`, or None
        Variance of every orthonormal Fourier mode.
    mean : ndarray, shape (d,), or None
        In pixels.
    directions : bool
        Whether the entries are directions of a spectrum, which have no places.
    facts : mapping
        What is known of its estimate.
    """

    shape: Shape
    covariance: Array | None = None
    power: Array | None = None
    mean: Array | None = None
    directions: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_spectrum(cls, spectrum: Spectrum, dense: int = DENSE, facts: Mapping[str, Any] | None = None) -> Prior:
        """Vectors in the eigenbasis, one entry per direction (weights must be whole numbers), `dense` at most."""
        if np.any(spectrum.weight != np.rint(spectrum.weight)):
            raise InputError(
                "a posterior needs whole directions, and this spectrum has fractional weights (as --shrinkage population and "
                f"lanczos give); make a covariance in pixels: {remade(facts or {})}"
            )
        if spectrum.dim > dense:
            raise InputError(too_many(int(spectrum.dim), "directions", dense))
        repeat = spectrum.weight.astype(int)
        eig = np.repeat(spectrum.eig, repeat)
        mean = None if spectrum.mean is None else np.repeat(spectrum.mean, repeat)
        return cls((eig.size,), np.diag(eig), None, mean, True, facts or {})

    @classmethod
    def power_law(cls, shape: Shape, exponent: float, trace: float | None = None) -> Prior:
        """Stationary field with power |k|^-exponent (the zero mode shares the lowest), as natural images have."""
        axes = np.meshgrid(*(np.fft.fftfreq(n) * n for n in shape), indexing="ij")
        k = np.sqrt(sum(axis**2 for axis in axes))
        power = np.maximum(k, 1.0) ** -exponent
        return cls(shape, None, power * ((trace or float(power.size)) / power.sum()))

    def dense(self) -> Array:
        """Covariance in pixels, shape (d, d)."""
        if self.covariance is not None:
            return self.covariance
        assert self.power is not None
        return self._circulant(self.power)

    def root(self) -> Array:
        """Some R with R R^T the covariance: known without algebra for fields and for directions."""
        if self.power is not None:
            return self._circulant(np.sqrt(self.power))
        assert self.covariance is not None
        return np.sqrt(self.covariance) if self.directions else _root(self.covariance)

    def _circulant(self, gains: Array) -> Array:
        """Matrix of the convolution with these Fourier multipliers, one row after the other: the first, moved."""
        first = np.fft.ifftn(gains).real
        axes = tuple(range(first.ndim))
        rows = (np.roll(first, place, axes).ravel() for place in np.ndindex(*self.shape))
        return np.fromiter(rows, dtype=np.dtype((np.float64, first.size)), count=first.size)


@dataclass(frozen=True, eq=False)
class Posterior:
    """Law of x given y.

    Attributes
    ----------
    spectrum : Spectrum
        Eigenvalues of the posterior covariance, with the posterior mean's projections where y was given.
    basis : ndarray, shape (d, d), or None
        Eigenvectors as columns, in the order of the eigenvalues; None for Fourier modes, and where nobody wants them.
    mean : ndarray, shape (d,), or None
        Posterior mean in pixels.
    method : str
        `fourier` (matrix-free) or `dense`.
    """

    spectrum: Spectrum
    basis: Array | None
    mean: Array | None
    method: str


def posterior(
    prior: Prior,
    operator: Operator,
    noise: float,
    measurement: Array | None = None,
    method: str | None = None,
    dense: int = DENSE,
    basis: bool = True,
) -> Posterior:
    """Posterior covariance spectrum and mean (theory.md, eqs. 90-93).

    Parameters
    ----------
    prior : Prior
        Data.
    operator : Operator
        A.
    noise : float
        Standard deviation of the measurement's white noise, positive.
    measurement : ndarray, shape (m,), optional
        y; without it the mean is left out (the covariance does not depend on it).
    method : {"fourier", "dense"}, optional
        Forced; the default is matrix-free where the prior is a Fourier field and A a convolution.
    dense : int
        Most directions for dense algebra.
    basis : bool
        Whether eigenvectors are wanted; without them, and without a measurement, half of the time is saved.

    Raises
    ------
    InputError
        A noise that is not positive, a measurement of another length, or too many pixels for dense algebra.
    """
    if not (np.isfinite(noise) and noise > 0):
        raise InputError(f"measurement noise must be positive, got {noise:g}; 0 leaves no density to sample")
    if prior.directions and operator.pixels:
        raise InputError(
            f"operator {operator.name!r} acts on pixels and a spectrum has only directions; make a covariance in pixels "
            f"({MAKE}), or give power:EXPONENT with --shape, or an operator for directions (diagonal, compressed_sensing, matrix)"
        )
    gains = operator.gains(prior.shape) if prior.power is not None else None
    if method == "fourier" and gains is None:
        raise InputError(f"operator {operator.name!r} on this prior is not diagonal in Fourier; use the dense method")
    if gains is not None and method != "dense":
        return _fourier(prior, gains, noise, measurement)
    size = int(np.prod(prior.shape, dtype=object))
    if size > dense:
        raise InputError(too_many(size, "pixels", dense) + "; blur of a power:EXPONENT field needs none")
    return _dense(prior, operator.matrix(prior.shape), noise, measurement, basis)


def too_many(size: int, what: str, dense: int) -> str:
    """Why dense algebra is refused, what it would take, and the flag."""
    # Measured: 3072 directions take 16 to 40 s of one core, by the cube; nine matrices are in memory at once.
    # The cube of a larger count is beyond doubles.
    number = float(min(size, 10**100))
    took, memory = 30 * (number / DENSE) ** 3, 72 * number**2 / 1e9
    return (
        f"{size:.10g} {what} are too many for dense algebra (limit {dense}), which would take about {took:.3g} s and "
        f"{memory:.2g} GB; raise --dense, or give a smaller --shape"
    )


def _fourier(prior: Prior, gains: NDArray[np.complex128], noise: float, measurement: Array | None) -> Posterior:
    """eig' = p/(1 + p |g|^2/noise^2) per mode (eq. 92)."""
    assert prior.power is not None
    power = prior.power
    length = np.hypot(noise, np.sqrt(power) * np.abs(gains))
    eig = power * (noise / length) ** 2
    pixels, projection = None, None
    if measurement is not None:
        y = _checked(measurement, power.size).reshape(prior.shape)
        start = np.zeros(prior.shape) if prior.mean is None else prior.mean.reshape(prior.shape)
        rest = np.fft.fftn(y) - gains * np.fft.fftn(start)
        modes = np.fft.fftn(start) + power * np.conj(gains) / length / length * rest
        pixels = np.fft.ifftn(modes).real.ravel()
        projection = np.abs(modes).ravel() / np.sqrt(power.size)
    spectrum = Spectrum.create(eig.ravel(), None, projection, source="posterior")
    return Posterior(spectrum, None, pixels, "fourier")


def _dense(prior: Prior, matrix: Array, noise: float, measurement: Array | None, basis: bool) -> Posterior:
    """Sigma - Sigma A^T (A Sigma A^T + noise^2)^-1 A Sigma = R R^T (eq. 90) and the mean (eq. 100)."""
    root = prior.root()
    image = matrix @ root
    u, s, vt = scipy.linalg.svd(image, full_matrices=True)
    # Directions that the measurement does not see have singular values of rounding size.
    s[s <= max(image.shape) * np.finfo(float).eps * s[0]] = 0.0
    length = np.hypot(noise, s)
    gain = s / length / length
    shrink = np.ones(root.shape[1])
    shrink[: s.size] = noise / length
    factor = (root @ vt.T) * shrink
    if measurement is None and not basis:
        return Posterior(Spectrum.create(_squares(scipy.linalg.svdvals(factor)), source="posterior"), None, None, "dense")
    vectors, values, _ = scipy.linalg.svd(factor, full_matrices=True)
    eig = np.zeros(root.shape[0])
    eig[: values.size] = _squares(values)
    mean, projection = None, None
    if measurement is not None:
        start = np.zeros(root.shape[0]) if prior.mean is None else prior.mean
        rest = _checked(measurement, matrix.shape[0]) - matrix @ start
        # Eq. (100): F F^T A^T / noise^2 would lose all digits where the noise is small.
        mean = start + root @ (vt[: s.size].T @ (gain * (u[:, : s.size].T @ rest)))
        projection = np.abs(vectors.T @ mean)
    order = np.argsort(-eig, kind="stable")
    spectrum = Spectrum.create(eig[order], None, None if projection is None else projection[order], source="posterior")
    return Posterior(spectrum, vectors[:, order], mean, "dense")


def _squares(values: Array) -> Array:
    """Squared singular values; those within the rounding of the largest are 0, not 1e-50."""
    limit = values.size * np.finfo(np.float64).eps * values.max(initial=0.0)
    return np.where(values > limit, values, 0.0) ** 2


def _root(covariance: Array) -> Array:
    """A square root of the prior's covariance, with eigenvalues of rounding size at 0, whatever their sign."""
    values, vectors = scipy.linalg.eigh(covariance)
    if values[0] < -1e-8 * max(values[-1], 0):
        raise InputError(f"the prior covariance has eigenvalue {values[0]:g}; a covariance has none below 0")
    limit = values.size * np.finfo(np.float64).eps * values[-1]
    return np.asarray(vectors * np.sqrt(np.where(values > limit, values, 0.0)))


def _checked(measurement: Array, size: int) -> Array:
    flat = np.asarray(measurement, dtype=np.float64).ravel()
    if flat.size != size or not np.all(np.isfinite(flat)):
        raise InputError(f"the measurement must be {size} finite numbers, got {flat.size}")
    return flat
