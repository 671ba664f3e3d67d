"""Exact eigenvalues of the sample covariance: one pass, d^2 numbers and one block of memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.linalg
from scipy.linalg.blas import dsyrk

from diffopt.errors import InputError
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.methods.raw_spectrum import RawSpectrum, above_rounding, check_varies, mean_matters, pooled
from diffopt.estimation.sources.masked import all_bad
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sums.moments import Covariance
from diffopt.estimation.sums.rows import KeptRows
from diffopt.foundation.arrays import Array


def pca(
    samples: Samples, engine: Engine, keep_mean: bool = True, powers: bool = False, keep_covariance: bool = False
) -> RawSpectrum:
    """Eigenvalues of the covariance of all samples.

    S = (sum y y' - n e e') / (n - 1) with y = x - pilot and e the mean of y (docs/spectra.md, eq. 2).

    With `powers` the fourth powers that the Ledoit-Wolf intensity needs are summed too; with `keep_covariance` the result
    holds the matrix.

    Raises
    ------
    InputError
        Fewer than two samples.
    """
    sums = engine.sweep(samples, Covariance(samples.pilot(), powers), "covariance")
    n = need_two(float(sums.count), samples)
    shift = sums.linear / n
    mean = sums.pilot + shift
    trace = (float(np.trace(sums.second)) - n * float(shift @ shift)) / (n - 1)
    check_varies(trace, float(mean @ mean), samples.source.label)
    scatter = _scatter(sums, shift, n) if powers else None
    covariance = _centered(sums, shift, n)
    with_mean = keep_mean and mean_matters(mean, trace, n)
    lower = covariance.copy(order="F") if keep_covariance else None
    engine.progress(f"eigenvalues of {samples.dim} x {samples.dim}", 0, None)
    eig, projections = spectral(covariance, mean if with_mean else None)
    if n <= samples.dim:
        # The covariance of n samples has rank n - 1 at most; the rest is rounding.
        eig[: samples.dim - n + 1] = 0.0
    eig = above_rounding(eig, samples.dim)
    ones = np.ones_like(eig)
    found = RawSpectrum(eig, ones, projections, n, trace, *pooled(mean, trace, n), float(mean @ mean), scatter)
    return replace(found, lower=lower, center=mean if with_mean else None) if keep_covariance else found


def need_two(count: float, samples: Samples) -> int:
    """Return the number of samples as an integer.

    Raises
    ------
    InputError
        Fewer than two; a covariance needs differences.
    """
    if count < 2:
        if not count and (reason := all_bad(samples.source)):
            raise InputError(reason)
        raise InputError(
            f"{samples.source.label}: {int(count)} usable samples; a covariance needs at least 2"
        )
    return int(count)


def _centered(sums: Covariance, shift: Array, n: int) -> Array:
    """Lower triangle of the covariance, written over the sum."""
    matrix = dsyrk(-float(n), shift[:, None], beta=1.0, c=sums.second, lower=1, overwrite_c=1)
    matrix /= n - 1
    return np.asarray(matrix)


def _scatter(sums: Covariance, shift: Array, n: int) -> float:
    """Mean of |y - e|^4, expanded so that one pass is enough (docs/spectra.md, eq. 9)."""
    c = float(shift @ shift)
    lower = sums.second
    image = scipy.linalg.blas.dsymv(1.0, lower, shift, lower=1)
    fourth = float(sums.fourth) - 4 * float(shift @ sums.cubic) + 2 * c * float(sums.squares)
    return (fourth + 4 * float(shift @ image) - 4 * c * float(shift @ sums.linear) + n * c * c) / n


def spectral(lower: Array, mean: Array | None) -> tuple[Array, Array | None]:
    """Ascending eigenvalues, and |projections| of the mean, of a matrix given by its lower triangle."""
    if mean is None:
        return np.asarray(
            scipy.linalg.eigvalsh(lower, overwrite_a=True, check_finite=False), np.float64
        ), None
    eig, vectors = scipy.linalg.eigh(lower, overwrite_a=True, check_finite=False, driver="evd")
    return np.asarray(eig, np.float64), np.abs(vectors.T @ mean)


def dual(samples: Samples, engine: Engine, keep_mean: bool = True) -> RawSpectrum:
    """Do what :func:`pca` does for fewer samples than dimensions, from the n x n matrix of inner products.

    The nonzero eigenvalues of Y'Y and of Y Y' are the same; the covariance has d - n + 1 zeros besides.
    Memory is the n x d samples themselves.
    """
    rows = _all_rows(samples, engine)
    n = need_two(len(rows), samples)
    mean = rows.mean(axis=0)
    rows -= mean
    squares = np.einsum("ij,ij->i", rows, rows)
    trace = float(squares.sum()) / (n - 1)
    check_varies(trace, float(mean @ mean), samples.source.label)
    engine.progress(f"eigenvalues of {n} x {n}", 0, None)
    gram = dsyrk(1.0 / (n - 1), rows.T, trans=1, lower=1)
    eig, vectors = scipy.linalg.eigh(gram, overwrite_a=True, check_finite=False, driver="evd")
    eig, vectors = above_rounding(eig[1:], n), vectors[:, 1:]
    projections = None
    if keep_mean and mean_matters(mean, trace, n):
        projections = _dual_mean(eig, vectors, rows @ mean, float(mean @ mean), samples.dim)
    weight = np.append(np.ones(n - 1), samples.dim - n + 1.0)
    scatter = float(squares @ squares) / n
    grand = pooled(mean, trace, n)
    return RawSpectrum(
        np.append(eig, 0.0), weight, projections, n, trace, *grand, float(mean @ mean), scatter
    )


def _all_rows(samples: Samples, engine: Engine) -> Array:
    return engine.sweep(samples, KeptRows(samples.dim), "samples").stacked()


def _dual_mean(eig: Array, vectors: Array, inner: Array, square: float, dim: int) -> Array:
    """Projections on u_i = Y'v_i / |Y'v_i|, and the rest of the mean on the null space."""
    n = len(inner)
    usable = eig > 1e-12 * eig.max()
    parts = np.zeros_like(eig)
    parts[usable] = np.abs(inner @ vectors[:, usable]) / np.sqrt((n - 1) * eig[usable])
    rest = max(square - float(parts @ parts), 0.0)
    return np.append(parts, np.sqrt(rest / (dim - n + 1)))
