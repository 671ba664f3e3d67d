"""Which noise levels there are among the rows, and how much of the range each stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array

#: Distinct noise ratios up to which each is a level of its own; otherwise rows are binned, this many to a bin at least.
DISTINCT, BINS, ROWS = 1000, 64, 200


@dataclass(frozen=True, eq=False)
class Levels:
    """Noise levels of the rows inside the window.

    Attributes
    ----------
    number : ndarray of int, shape (n,)
        Level of every row; -1 outside the window.
    sigma : ndarray, shape (L,)
        Noise ratio of each level, increasing; the geometric mean of a bin.
    width : ndarray, shape (L,)
        Share of the range in log sigma; 1 for a single level.
    each : ndarray, shape (n,), or None
        Noise ratio of every row where rows of different ones share a bin.
    """

    number: np.ndarray
    sigma: Array
    width: Array
    each: Array | None = None

    def of_rows(self, rows: slice) -> Array:
        """Noise ratio of the rows of a slice that lie in the window."""
        number = self.number[rows]
        keep = number >= 0
        return self.sigma[number[keep]] if self.each is None else self.each[rows][keep]

    @classmethod
    def of(cls, sigma: Array, window: float | tuple[float, float] | None = None) -> Levels:
        """Levels of the rows' noise ratios.

        Parameters
        ----------
        sigma : ndarray, shape (n,)
            Noise ratio of every row.
        window : float or (low, high), optional
            The top share of the range of log sigma, or a range of noise ratios.

        Raises
        ------
        InputError
            Noise ratios that are not positive and finite, or a window without two rows.
        """
        if sigma.size < 2 or not np.all(np.isfinite(sigma)) or np.any(sigma <= 0):
            raise InputError("sigma must be positive and finite, one number per row, for at least 2 rows")
        low, high = _range(sigma, window)
        inside = (sigma >= low * (1 - 1e-12)) & (sigma <= high * (1 + 1e-12))
        if np.count_nonzero(inside) < 2:
            raise InputError(
                f"window {low:.4g} to {high:.4g} holds {np.count_nonzero(inside)} rows, at least 2 are needed; "
                f"the noise ratios run from {sigma.min():.4g} to {sigma.max():.4g}"
            )
        values, where, counts = np.unique(sigma[inside], return_inverse=True, return_counts=True)
        number = np.full(sigma.size, -1)
        if values.size <= DISTINCT and np.all(counts >= 2):
            number[inside] = where
            return cls(number, values, _trapezoid(np.log(values)))
        number[inside], centres, width = _bins(sigma[inside])
        return cls(number, centres, width, sigma)


def _range(sigma: Array, window: float | tuple[float, float] | None) -> tuple[float, float]:
    top, bottom = float(sigma.max()), float(sigma.min())
    if window is None:
        return bottom, top
    if isinstance(window, tuple):
        low, high = window
        if not 0 <= low < high:
            raise InputError(f"window {low:g}:{high:g}: the noise ratios must increase and not be negative")
        return float(low), float(high)
    if not 0 < window <= 1:
        raise InputError(f"window {window:g} must lie in (0, 1], or be a range of noise ratios LOW:HIGH")
    return top * (bottom / top) ** window, top


def _trapezoid(x: Array) -> Array:
    if x.size == 1:
        return np.ones(1)
    return np.asarray(np.gradient(x) * np.where((np.arange(x.size) == 0) | (np.arange(x.size) == x.size - 1), 0.5, 1.0))


def _bins(sigma: Array) -> tuple[np.ndarray, Array, Array]:
    """Bins of equal counts in the order of sigma."""
    count = int(np.clip(sigma.size // ROWS, 1, BINS))
    order = np.argsort(sigma, kind="stable")
    number = np.empty(sigma.size, dtype=int)
    number[order] = np.minimum(np.arange(sigma.size) * count // sigma.size, count - 1)
    logs = np.log(sigma)
    centres = np.exp(np.bincount(number, logs) / np.bincount(number))
    tops = np.array([logs[number == k].max() for k in range(count)])
    edges = np.concatenate([[logs.min()], tops])
    width = np.diff(edges)
    return number, centres, width if width.sum() > 0 else np.ones(count)
