"""Few weighted eigenvalues that stand for many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array

#: What a short spectrum is for.
Accuracy = Literal["search", "design", "reference", "exact", "paths"]

#: Bin width in log eig of each accuracy: the optimizer's own sums; schedules made for the data, and the columns of
#: a comparison; baselines beside a result; sums that are printed, where the spectrum is too long for all of it;
#: simulated paths, whose sampling error is larger.
WIDTHS: dict[Accuracy, float] = {"search": 0.25, "design": 0.1, "reference": 0.05, "exact": 0.02, "paths": 2.0}

_KNOWN: WeakKeyDictionary[Spectrum, dict[Accuracy, Spectrum]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Compressed:
    """A short spectrum and what it may cost.

    Attributes
    ----------
    spectrum : Spectrum
        At most two entries per bin of log eig.
    coefficient : float
        Bound: |sum over the full - sum over the short spectrum| <= coefficient * max |f''''| for any
        f(log eig) summed over directions (theory.md, eq. 36).
    """

    spectrum: Spectrum
    coefficient: float


def short(spectrum: Spectrum, accuracy: Accuracy) -> Spectrum:
    """Short spectrum of one of the accuracies, computed once for each spectrum.

    A short spectrum stands for itself at its own accuracy and at all finer ones: its bins hold two entries at most.
    """
    known = _KNOWN.setdefault(spectrum, {})
    if accuracy not in known:
        found = known[accuracy] = compress(spectrum, WIDTHS[accuracy]).spectrum
        _KNOWN[found] = {other: found for other, width in WIDTHS.items() if width <= WIDTHS[accuracy]}
    return known[accuracy]


def compress(spectrum: Spectrum, width: float = 0.25) -> Compressed:
    """Merge eigenvalues within bins of `width` in log eig by two-point Gauss quadrature.

    Each bin keeps its total weight and its first three moments of log eig; bins with one or two
    distinct eigenvalues, in particular the sparse top of a spectrum, are kept as they are; zeros
    stay one entry (theory.md, eqs. 35-36).
    """
    eig, weight, mean = _distinct(spectrum)
    positive = eig > 0
    x, w = np.log(eig[positive]), weight[positive]
    square = None if mean is None else mean[positive] ** 2
    bins, counts = _bins(x, width)
    crowded = counts > 2
    keep = ~crowded[bins]
    nodes, weights, means, coefficient = _merge(x, w, square, bins, crowded)
    new_eig = [np.exp(x[keep]), np.exp(nodes), eig[~positive]]
    new_weight = [w[keep], weights, weight[~positive]]
    new_mean = None
    if mean is not None and square is not None:
        new_mean = np.sqrt(np.concatenate([square[keep], means, mean[~positive] ** 2]))
    all_eig, all_weight = np.concatenate(new_eig), np.concatenate(new_weight)
    order = np.argsort(-all_eig, kind="stable")
    short = Spectrum(
        all_eig[order], all_weight[order], None if new_mean is None else new_mean[order], spectrum.source
    )
    return Compressed(short, coefficient)


def _bins(x: Array, width: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of the occupied bin of each value (x descends, so bins come in order), and occupations."""
    if not x.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    raw = ((x[0] - x) / width).astype(np.int64)
    new = np.concatenate([[False], raw[1:] != raw[:-1]])
    bins = np.cumsum(new)
    return bins, np.bincount(bins)


def _distinct(spectrum: Spectrum) -> tuple[Array, Array, Array | None]:
    """Exactly equal eigenvalues as one entry (descending order in, descending out)."""
    eig = spectrum.eig
    if eig.size > 1 and not np.all(eig[:-1] >= eig[1:]):
        order = np.argsort(-eig, kind="stable")
        mean = None if spectrum.mean is None else spectrum.mean[order]
        spectrum = Spectrum(eig[order], spectrum.weight[order], mean)
        eig = spectrum.eig
    starts = np.flatnonzero(np.concatenate([[True], eig[1:] != eig[:-1]]))
    weight = np.add.reduceat(spectrum.weight, starts)
    if spectrum.mean is None:
        return eig[starts], weight, None
    square = np.add.reduceat(spectrum.weight * spectrum.mean**2, starts) / weight
    return eig[starts], weight, np.sqrt(square)


def _merge(
    x: Array, w: Array, square: Array | None, bins: NDArray[np.int64], crowded: NDArray[np.bool_]
) -> tuple[Array, Array, Array, float]:
    """Two Gauss nodes for each crowded bin, their weights, mean squares, and the error coefficient."""
    count = crowded.size
    total = np.bincount(bins, w, count)
    centre = np.bincount(bins, w * x, count) / total
    y = x - centre[bins]
    m2, m3, m4 = (np.bincount(bins, w * y**k, count) / total for k in (2, 3, 4))
    spread = np.sqrt(m2)
    safe = np.where(spread > 0, spread, 1.0)
    skew = np.where(spread > 0, m3 / safe**3, 0.0)
    root = np.sqrt(skew**2 + 4)
    high, low = spread * (skew + root) / 2, spread * (skew - root) / 2
    share = (1 - skew / root) / 2
    nodes = np.concatenate([(centre + high)[crowded], (centre + low)[crowded]])
    weights = np.concatenate([(total * share)[crowded], (total * (1 - share))[crowded]])
    means = np.zeros(0)
    if square is not None:
        average = np.bincount(bins, w * square, count) / total
        means = np.tile(average[crowded], 2)
    # E[(y - high)^2 (y - low)^2] = m4 - 2 s m3 + (s^2 + 2 p) m2 + p^2 with s = high + low, p = high low.
    s, p = high + low, high * low
    defect = m4 - 2 * s * m3 + (s**2 + 2 * p) * m2 + p**2
    return nodes, weights, means, float(np.sum((total * np.maximum(defect, 0))[crowded]) / 24)
