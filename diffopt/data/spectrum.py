"""The covariance spectrum of the data: all the tool ever needs to know about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array

#: Negative eigenvalues down to this multiple of the largest one are rounding and become 0.
ROUNDING = 1e-6
#: Largest eigenvalues beyond this, or below its inverse, are refused: their squares leave the range of doubles.
LARGEST = 1e100


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """Eigenvalues of the data covariance, with multiplicities and, optionally, the mean.

    Data are modelled as N(mu, Sigma); in the eigenbasis of Sigma every direction is on its own, and
    directions with the same eigenvalue (and the same squared mean) share one entry with a weight.

    Attributes
    ----------
    eig : ndarray, shape (n,)
        Eigenvalues, descending, in squared units of the data.
    weight : ndarray, shape (n,)
        Multiplicities, positive; they need not be integers.
    mean : ndarray of shape (n,) or None
        Root-mean-square projection of mu on the directions of each entry; None is a zero mean.
    source : str
        Where the numbers come from, for people.
    clipped : int
        How many eigenvalues within rounding of zero were set to zero.

    Raises
    ------
    InputError
        From :meth:`create`, when a value is not allowed.
    """

    eig: Array
    weight: Array
    mean: Array | None = None
    source: str = "array"
    clipped: int = field(default=0, compare=False)

    @classmethod
    def create(
        cls,
        eig: ArrayLike,
        weight: ArrayLike | None = None,
        mean: ArrayLike | None = None,
        source: str = "array",
        computed: bool = False,
    ) -> Spectrum:
        """Check, clip and sort raw numbers; the only way a spectrum should be made.

        Parameters
        ----------
        eig, weight, mean : array_like, shape (n,)
            Eigenvalues, multiplicities (default 1) and mean projections (default 0).
        source : str
            Label of the origin.
        computed : bool
            Whether an eigensolver made the values, so that those within its rounding of 0, d eps max, are 0
            whatever their sign. A list is taken for such output where it holds negative values of that size;
            otherwise a small positive number is data.

        Raises
        ------
        InputError
            Empty, not one-dimensional, complex, NaN or infinite values, really negative eigenvalues,
            non-positive weights, or lengths that differ.
        """
        values = _real_vector(eig, "eigenvalues")
        # Ones that take no memory: ten million of anything do.
        weights = np.broadcast_to(1.0, values.shape) if weight is None else _real_vector(weight, "weights")
        means = None if mean is None else _real_vector(mean, "mean")
        for name, other in (("weights", weights), ("mean", means)):
            if other is not None and other.shape != values.shape:
                raise InputError(f"{name} has {other.size} values for {values.size} eigenvalues; give one each")
        if np.any(weights <= 0):
            raise InputError(f"weights must be positive, got {weights.min():g}; drop entries of weight 0")
        values, clipped = _clip(values, computed)
        _refuse_overflow(values, weights, means)
        values, weights, means = descending(values, weights, means)
        return cls(_frozen(values), _frozen(weights), means if means is None else _frozen(means), source, clipped)

    @property
    def dim(self) -> float:
        """Number of directions, the sum of the weights."""
        return float(self.weight.sum())

    @property
    def trace(self) -> float:
        """Total variance, sum of weight * eig."""
        return float(self.weight @ self.eig)

    @property
    def max(self) -> float:
        """Largest eigenvalue."""
        return float(self.eig[0])

    @property
    def rank(self) -> float:
        """Number of directions with a positive eigenvalue."""
        return float(self.weight[self.eig > 0].sum())

    @cached_property
    def sha256(self) -> str:
        """Hash of eigenvalues, weights and mean; equal spectra have equal hashes."""
        digest = hashlib.sha256()
        for array in (self.eig, self.weight, self.mean):
            digest.update(b"none" if array is None else np.ascontiguousarray(array, "<f8").data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        return f"Spectrum({self.source}, dim {self.dim:g}, trace {self.trace:.4g}, max {self.max:.4g})"

    def part(self, entries: slice) -> Spectrum:
        """Spectrum of some entries, for sums that are taken block by block."""
        mean = None if self.mean is None else self.mean[entries]
        return Spectrum(self.eig[entries], self.weight[entries], mean, self.source)

    def scaled(self, factor: float) -> Spectrum:
        """Spectrum of the data times sqrt(factor): every eigenvalue times `factor`."""
        mean = None if self.mean is None else _frozen(self.mean * np.sqrt(factor))
        return Spectrum(_frozen(self.eig * factor), self.weight, mean, f"{factor:g} * {self.source}")


def _frozen(array: Array) -> Array:
    array = np.ascontiguousarray(array, dtype=np.float64)
    array.flags.writeable = False
    return array


def descending(values: Array, weights: Array, means: Array | None) -> tuple[Array, Array, Array | None]:
    """All in the order of descending eigenvalues, those that are equal as they came."""
    if np.all(values[:-1] >= values[1:]):
        return values, weights, means
    order = np.argsort(-values, kind="stable")
    return values[order], weights[order], None if means is None else means[order]


def _real_vector(raw: ArrayLike, name: str) -> Array:
    array = np.asarray(raw)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must be real numbers, got dtype {array.dtype}")
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"{name} must be a non-empty list of numbers, got shape {array.shape}")
    array = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise InputError(f"{name} must be finite, got {array[bad[0]]} at position {bad[0]}")
    return array


def _refuse_overflow(values: Array, weights: Array, means: Array | None) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        sums = [weights.sum(), weights @ values, 0.0 if means is None else weights @ means**2]
    if not np.all(np.isfinite(sums)):
        raise InputError("the eigenvalues, weights or squared means sum to more than 1.8e308; give the data in larger units")


def check_largest(top: float) -> None:
    """Refuse a largest eigenvalue whose square leaves the range of doubles.

    Raises
    ------
    InputError
        With the range that is allowed.
    """
    if not 1 / LARGEST <= top <= LARGEST:
        raise InputError(
            f"the largest eigenvalue must lie in {1 / LARGEST:g}..{LARGEST:g}, got {top:g}; "
            "its square leaves the range of doubles: rescale the data"
        )


def _clip(values: Array, computed: bool) -> tuple[Array, int]:
    """Set rounding-sized eigenvalues to zero and count them; refuse really negative ones (theory.md, eq. 103)."""
    top, bottom = float(values.max()), float(values.min())
    if top <= 0:
        raise InputError(f"the largest eigenvalue must be positive, got {top:g}")
    check_largest(top)
    if bottom < -ROUNDING * top:
        raise InputError(
            f"eigenvalue {bottom:g} is negative (largest {top:g}); a covariance has none below rounding"
        )
    if bottom > 0 and not computed:
        return values, 0
    null = values < 0
    limit = values.size * np.finfo(np.float64).eps * top
    if computed or -limit <= bottom < 0:
        null |= (values != 0) & (np.abs(values) <= limit)
    # A negative zero is zero: equal spectra have equal hashes.
    return np.where(null, 0.0, values) + 0.0, int(np.count_nonzero(null))
