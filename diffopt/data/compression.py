"""Few weighted eigenvalues that stand for many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from diffopt.data.spectrum import Spectrum, descending
from diffopt.foundation.arrays import Array

#: What a short spectrum is for.
Accuracy = Literal["search", "fit", "design", "reference", "exact", "distinct", "paths"]

#: Bin width in log eig of each accuracy: the optimizer's own sums; coefficients fitted to an ensemble; schedules made for
#: the data, the columns of a comparison, and a long spectrum's error budget; baselines beside a result; sums that are
#: printed, where the spectrum is too long for all of it; eigenvalues that are equal but for rounding; simulated paths, whose
#: sampling error is larger.
WIDTHS: dict[Accuracy, float] = {
    "search": 0.25, "fit": 0.5, "design": 0.1, "reference": 0.05, "exact": 0.02, "distinct": 1e-12, "paths": 2.0,
}  # fmt: skip

#: Entries that are merged at once.
BLOCK = 2**18

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


#: None where a spectrum stands for itself: a value that held its key would keep it forever.
_KNOWN: WeakKeyDictionary[Spectrum, dict[Accuracy, Compressed | None]] = WeakKeyDictionary()


def short(spectrum: Spectrum, accuracy: Accuracy) -> Spectrum:
    """Short spectrum of one of the accuracies, computed once for each spectrum.

    A short spectrum stands for itself at its own accuracy and at all finer ones: its bins hold two entries at most.
    """
    return shortened(spectrum, accuracy).spectrum


def shortened(spectrum: Spectrum, accuracy: Accuracy) -> Compressed:
    """The same with what it may cost; nothing more where a short spectrum stands for itself."""
    known = _KNOWN.setdefault(spectrum, {})
    if accuracy not in known:
        found = known[accuracy] = compress(spectrum, WIDTHS[accuracy])
        _KNOWN[found.spectrum] = {other: None for other, width in WIDTHS.items() if width <= WIDTHS[accuracy]}
    return known[accuracy] or Compressed(spectrum, 0.0)


def compress(spectrum: Spectrum, width: float = 0.25) -> Compressed:
    """Merge eigenvalues within bins of `width` in log eig by two-point Gauss quadrature.

    Each bin keeps its total weight and its first three moments of log eig; bins with one or two
    distinct eigenvalues, in particular the sparse top of a spectrum, are kept as they are; zeros
    stay one entry (theory.md, eqs. 35-36).
    """
    spectrum = _ordered(spectrum)
    count = int(np.count_nonzero(spectrum.eig > 0))
    top = float(np.log(spectrum.eig[0]))
    found = [_short(piece, width, top) for piece in _whole_bins(spectrum.part(slice(0, count)), width, top)]
    pieces = [piece.spectrum for piece in found]
    if count < spectrum.eig.size:
        pieces.append(_distinct(spectrum.part(slice(count, None))))
    eig, weight = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("eig", "weight"))
    mean = None if spectrum.mean is None else np.concatenate([piece.mean for piece in pieces if piece.mean is not None])
    return Compressed(
        _ordered(Spectrum(eig, weight, mean, spectrum.source)), float(sum(piece.coefficient for piece in found))
    )


def _ordered(spectrum: Spectrum) -> Spectrum:
    """Entries by descending eigenvalue."""
    return Spectrum(*descending(spectrum.eig, spectrum.weight, spectrum.mean), spectrum.source)


def _whole_bins(spectrum: Spectrum, width: float, top: float) -> Iterator[Spectrum]:
    """Blocks of a descending spectrum that end where a bin ends: nothing as long as the spectrum is made."""
    low, block, size = 0, BLOCK, spectrum.eig.size
    while low < size:
        piece = spectrum.part(slice(low, low + block))
        ends = np.flatnonzero(np.diff(_raw_bins(np.log(piece.eig), width, top))) + 1
        whole = piece.eig.size if low + block >= size else int(ends[-1]) if ends.size else 0
        if whole:
            yield piece.part(slice(0, whole))
        low, block = low + whole, BLOCK if whole else 2 * block


def _raw_bins(x: Array, width: float, top: float) -> NDArray[np.int64]:
    """Number of the bin of each value of log eig, the largest first."""
    return ((top - x) / width).astype(np.int64)


def _short(spectrum: Spectrum, width: float, top: float) -> Compressed:
    """Positive eigenvalues of some bins."""
    spectrum = _distinct(spectrum)
    x, w = np.log(spectrum.eig), spectrum.weight
    square = None if spectrum.mean is None else spectrum.mean**2
    bins = np.cumsum(np.diff(_raw_bins(x, width, top), prepend=0) != 0)
    bins -= bins[0]
    crowded = np.bincount(bins) > 2
    keep = ~crowded[bins]
    nodes, weights, squares, coefficient = _merge(x, w, square, bins, crowded)
    mean = None if square is None else np.sqrt(np.concatenate([square[keep], squares]))
    eig, weight = np.exp(np.concatenate([x[keep], nodes])), np.concatenate([w[keep], weights])
    return Compressed(Spectrum(eig, weight, mean), coefficient)


def _distinct(spectrum: Spectrum) -> Spectrum:
    """Exactly equal eigenvalues as one entry (descending order in, descending out)."""
    eig = spectrum.eig
    starts = np.flatnonzero(np.concatenate([[True], eig[1:] != eig[:-1]]))
    weight = np.add.reduceat(spectrum.weight, starts)
    if spectrum.mean is None:
        return Spectrum(eig[starts], weight)
    square = np.add.reduceat(spectrum.weight * spectrum.mean**2, starts) / weight
    return Spectrum(eig[starts], weight, np.sqrt(square))


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
