"""Population spectrum from sample eigenvalues, by the Marchenko-Pastur equation.

The companion Stieltjes transform v(z) of the sample spectrum and the population spectrum H satisfy
(Silverstein 1995; docs/spectra.md, eq. 11), with c = d / n,

    z = -1 / v(z) + c * integral of t / (1 + t v(z)) dH(t).

v is known from the samples, and the equation is linear in H: on a grid of t it is a non-negative
least-squares problem (El Karoui 2008, doi:10.1214/07-AOS581, who solves it by linear programming).
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array

#: Points of the grid of population eigenvalues, per decade, and at most.
PER_DECADE, POINTS = 24, 240
#: Angles of the rays on which the equation is asked for, in parts of pi; 1 is the negative real axis.
RAYS = (1.0, 0.75, 0.5, 0.3, 0.15)


def companion(z: NDArray[np.complex128], eig: Array, weight: Array, ratio: float) -> NDArray[np.complex128]:
    """v(z) = -(1 - c) / z + c m(z), with m(z) the weighted mean of 1 / (eig - z)."""
    share = weight / weight.sum()
    mean = np.array([np.sum(share / (eig - point)) for point in z])
    return np.asarray(-(1 - ratio) / z + ratio * mean)


def population(eig: Array, weight: Array, freedom: int, dim: int) -> tuple[Array, Array]:
    """Return population eigenvalues and multiplicities.

    Parameters
    ----------
    eig, weight : ndarray, shape (m,)
        Eigenvalues of the unbiased sample covariance and multiplicities.
    freedom, dim : int
        n = samples - 1 and d.

    Returns
    -------
    eig, weight : ndarray, shape (k,)
        Positive weights that sum to d; the trace is that of the sample.
    """
    ratio = dim / freedom
    outliers = spikes(eig, weight, freedom)
    count = len(outliers)
    order = np.argsort(-eig, kind="stable")
    bulk, bulk_weight = eig[order][count:], weight[order][count:]
    if bulk.size == 0 or bulk.max() <= 0:
        return eig, weight
    support = grid(bulk, ratio)
    shares = fit(bulk, bulk_weight, support, float(bulk_weight.sum()) / freedom)
    kept = shares > 1e-9 / dim
    values = np.concatenate([outliers, support[kept]])
    counts = np.concatenate([np.ones(count), shares[kept] / shares[kept].sum() * float(bulk_weight.sum())])
    trace, spiked = float(weight @ eig), float(outliers.sum())
    # The trace is estimated without bias, so it is kept; the spikes have their own correction.
    bulk_trace = float(counts[count:] @ values[count:])
    if trace > spiked and bulk_trace > 0:
        values[count:] *= (trace - spiked) / bulk_trace
    return values, counts


def spikes(eig: Array, weight: Array, freedom: int) -> Array:
    """Return population values of the isolated top eigenvalues.

    Solves lambda = t (1 + (1/n) sum of s / (t - s)) over the rest of the spectrum, in its sample form
    t = lambda / (1 + (1/n) sum over the others of lambda_j / (lambda - lambda_j)) (docs/spectra.md, eq. 12).
    An eigenvalue is isolated while that sum moves it by less than a third and it stands clear of the next.
    """
    order = np.argsort(-eig, kind="stable")
    values, weights = eig[order], weight[order]
    found: list[float] = []
    for index in range(min(len(values) - 1, 512)):
        if weights[index] != 1.0 or values[index] <= 0:
            break
        rest, count = values[index + 1 :], weights[index + 1 :]
        gap = values[index] - rest
        # Repulsion by the larger neighbours is of the other sign, and as large as that by the smaller ones.
        above = values[:index]
        if gap[0] < 2 * values[index] * np.sqrt(2.0 / freedom):
            break
        push = float(count @ (rest / gap)) - float(np.sum(above / np.maximum(above - values[index], 1e-300)))
        shrunk = values[index] / (1 + push / freedom)
        if abs(push) / freedom > 1 / 3:
            break
        found.append(shrunk)
    return np.array(found)


def grid(eig: Array, ratio: float) -> Array:
    """Logarithmic grid that surely contains the population spectrum."""
    positive = eig[eig > 1e-12 * eig.max()]
    top = float(positive.max())
    bottom = float(positive.min()) / (4 if ratio < 1 else 100 * ratio)
    bottom = max(bottom, 1e-12 * top)
    decades = np.log10(top / bottom)
    points = int(np.clip(PER_DECADE * decades, 32, POINTS))
    return np.geomspace(bottom, top, points)


def fit(eig: Array, weight: Array, support: Array, ratio: float) -> Array:
    """Non-negative shares of the grid values, summing to 1, that satisfy the equation best."""
    positive = eig[eig > 1e-12 * eig.max()]
    sizes = np.geomspace(positive.min() / 4, positive.max() * 4, 60)
    z = np.concatenate([sizes * np.exp(1j * np.pi * angle) for angle in RAYS])
    v = companion(z, eig, weight, ratio)
    kernel = ratio * support / (1 + support * v[:, None])
    target = z + 1 / v
    # Rows are of the size of z; relative errors are what the data determine.
    scale = 1 / np.abs(target)
    rows = np.concatenate([(kernel * scale[:, None]).real, (kernel * scale[:, None]).imag])
    right = np.concatenate([(target * scale).real, (target * scale).imag])
    mean = float(weight @ eig / weight.sum())
    heavy = 10 * np.sqrt(len(right))
    rows = np.vstack([rows, heavy * np.ones_like(support), heavy * support / mean])
    right = np.concatenate([right, [heavy, heavy]])
    shares, _ = scipy.optimize.nnls(rows, right, maxiter=50 * len(support))
    return np.asarray(shares)
