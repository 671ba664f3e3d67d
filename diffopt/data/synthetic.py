"""Made-up spectra: power law, exponential, two levels, and a radial power spectrum on a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array

#: Most directions that are listed one by one, and most points of a grid.
LARGEST = 1 << 27


def _ranks(dim: int) -> Array:
    if not 1 <= dim <= LARGEST:
        raise InputError(f"dim must be from 1 to {LARGEST}, got {dim}")
    return np.arange(1, dim + 1, dtype=np.float64)


def _normalized(eig: Array, weight: Array, std: float, source: str) -> Spectrum:
    """Scale to trace = std^2 * dim."""
    if not (np.isfinite(std) and std > 0):
        raise InputError(f"std must be positive and finite, got {std:g}")
    eig = eig / eig.max()
    return Spectrum.create(eig * (std**2 * weight.sum() / float(weight @ eig)), weight, source=source)


def power_law(dim: int, exponent: float = 2.0, std: float = 0.5) -> Spectrum:
    """Eigenvalues proportional to i^-exponent, i = 1 ... dim, with pooled standard deviation `std`.

    Raises
    ------
    InputError
        Dimension, exponent or std that are not allowed.
    """
    if not (np.isfinite(exponent) and 0 <= exponent <= 50):
        raise InputError(f"exponent must be from 0 to 50, got {exponent:g}")
    return _normalized(
        _ranks(dim) ** -exponent, np.ones(dim), std, f"power law {exponent:g} in {dim} dimensions"
    )


def exponential(dim: int, decades: float = 4.0, std: float = 0.5) -> Spectrum:
    """Eigenvalues that fall by `decades` powers of ten in equal ratios, with pooled standard deviation `std`.

    Raises
    ------
    InputError
        Dimension, decades or std that are not allowed.
    """
    if not (np.isfinite(decades) and 0 <= decades <= 100):
        raise InputError(f"decades must be from 0 to 100, got {decades:g}")
    ranks = _ranks(dim)
    eig = 10.0 ** (-decades * (ranks - 1) / max(dim - 1, 1))
    return _normalized(eig, np.ones(dim), std, f"exponential, {decades:g} decades in {dim} dimensions")


def two_level(dim: int, ratio: float = 1e-4, fraction: float = 0.1, std: float = 0.5) -> Spectrum:
    """Put a share `fraction` of the directions at one level, the others at `ratio` times it.

    Raises
    ------
    InputError
        Values that are not allowed, or a fraction that leaves a level empty.
    """
    if not 0 <= ratio <= 1:
        raise InputError(f"ratio must be from 0 to 1, got {ratio:g}")
    if not 0 < fraction < 1 or not 2 <= dim <= 1e15 or not 1 <= round(fraction * dim) < dim:
        raise InputError(f"fraction must leave directions on both levels, got {fraction:g} of {dim}")
    high = round(fraction * dim)
    label = (
        f"two levels, {high} of {dim} directions {1 / ratio if ratio else np.inf:g} times above the others"
    )
    return _normalized(np.array([1.0, ratio]), np.array([high, dim - high], dtype=np.float64), std, label)


def radial(
    k: ArrayLike, power: ArrayLike, shape: Sequence[int], spacing: float = 1.0, std: float | None = None
) -> Spectrum:
    """Spectrum of a periodic grid from an isotropic power spectrum P(k), with the lattice's multiplicities.

    With xi(r) = integral of P(k) exp(ikr) dk / (2 pi)^D the covariance of the grid has the eigenvalue
    P(|k|) / spacing^D at each of its wave vectors k = 2 pi m / (n spacing) (docs/spectra.md, eq. 13).
    P is interpolated linearly in the logarithms; below the table it keeps its first value.

    Parameters
    ----------
    k, power : array_like, shape (n,)
        Angular wave numbers, ascending and positive, and P at them, positive.
    shape : sequence of int
        Points of the grid along each axis.
    spacing : float
        Distance of neighbouring points.
    std : float, optional
        Rescale to this pooled standard deviation.

    Raises
    ------
    InputError
        Values that are not allowed, or a table that ends below the largest wave number of the grid.
    """
    wave, values = np.asarray(k, dtype=np.float64), np.asarray(power, dtype=np.float64)
    _check_table(wave, values)
    if not shape or min(shape) < 1 or int(np.prod(shape, dtype=object)) > LARGEST:
        raise InputError(f"shape must be positive sides with at most {LARGEST} points, got {tuple(shape)}")
    if not (np.isfinite(spacing) and spacing > 0):
        raise InputError(f"spacing must be positive and finite, got {spacing:g}")
    radius, weight = lattice(shape)
    radius = radius * 2 * np.pi / spacing
    if radius[-1] > wave[-1] * (1 + 1e-9):
        raise InputError(
            f"P(k) ends at k = {wave[-1]:g} but the grid needs k up to {radius[-1]:g}; extend the table, "
            "enlarge --spacing or give coarser sides"
        )
    inside = np.log(np.maximum(radius, wave[0]))
    eig = np.exp(np.interp(inside, np.log(wave), np.log(values))) / spacing ** len(shape)
    source = f"P(k) on a grid of {' x '.join(map(str, shape))}"
    return (
        Spectrum.create(eig, weight, source=source) if std is None else _normalized(eig, weight, std, source)
    )


def _check_table(wave: Array, values: Array) -> None:
    if wave.ndim != 1 or wave.shape != values.shape or wave.size < 2:
        raise InputError("P(k) needs two columns k, P of the same length, with 2 rows or more")
    good = np.all(np.isfinite(wave)) and np.all(np.isfinite(values))
    if not good or wave[0] <= 0 or np.any(np.diff(wave) <= 0) or np.any(values <= 0):
        raise InputError("P(k) needs positive, ascending k and positive, finite P; drop the row k = 0")


def lattice(shape: Sequence[int]) -> tuple[Array, Array]:
    """Distinct |m / n| of a grid's wave vectors, ascending, in cycles per point, and how many have each."""
    axes = [np.fft.fftfreq(n) ** 2 for n in shape]
    squares, weight = np.zeros(1), np.ones(1)
    for axis in axes:
        # One axis at a time, merging equal radii, so that the full grid is never formed.
        sums = np.round((squares[:, None] + axis).ravel(), 14)
        squares, inverse = np.unique(sums, return_inverse=True)
        weight = np.bincount(inverse, np.repeat(weight, len(axis))).astype(np.float64)
    return np.sqrt(squares), weight
