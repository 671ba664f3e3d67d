"""Kinks of factors and terms of chains, sharp or rounded, with derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array

#: Stands for 0 below a line.
TINY = 1e-300


class Kinks:
    """max(f, 0) of factors and, where errors are added, |f| of terms, rounded over widths of f (theory.md, eqs. 386, 409).

    All are s f + t sqrt(f^2 + w^2) - u w: s = t = 1/2 and u = 0, or s = 0 and t = u = 1, or s = 1 where there is no kink.

    Attributes
    ----------
    width : ndarray, shape (N, 1 or B, 2 D)
        w of the factors and of the terms; 0 where nothing is rounded.
    added : bool
        Whether terms count in absolute value.
    """

    def __init__(self, width: Array, added: bool) -> None:
        half = np.ones(width.shape[-1] // 2)
        self.width, self.added, self._square = width, added, width**2
        self._straight = np.concatenate([half / 2, half * (0.0 if added else 1.0)])
        self._bent = np.concatenate([half / 2, half * (1.0 if added else 0.0)])
        self._lift = width * np.concatenate([0 * half, half]) if added else None
        self._sharp = not width.any()

    @staticmethod
    def beside(kinks: Sequence[Kinks]) -> Kinks:
        """Of several chains, in the axis of runs."""
        return Kinks(np.concatenate([one.width for one in kinks], axis=1), kinks[0].added)

    def of(self, places: NDArray[np.int_]) -> Kinks:
        """Those of runs."""
        return self if self._sharp else Kinks(self.width[:, places], self.added)

    def at(self, f: Array) -> Array:
        """Values, shape (N, B, 2 D)."""
        return self._value(f, np.abs(f) if self._sharp else self._root(f))

    def near(self, f: Array, slope: Array, second: Array) -> tuple[Array, Array, Array]:
        """Values, slopes and second derivatives from those of f."""
        if self._sharp:
            factor = np.sign(f)
            factor *= self._bent
            factor += self._straight
            return factor * f, factor * slope, factor * second
        root = self._root(f)
        inverse = 1 / np.maximum(root, TINY)
        factor = f * inverse
        factor *= self._bent
        factor += self._straight
        # t (w/root)^2/root, where 1 - (f/root)^2 is the square of w/root.
        bend = inverse * self.width
        bend *= bend
        bend *= inverse
        bend *= self._bent
        bend *= slope
        bend *= slope
        bend += factor * second
        return self._value(f, root), factor * slope, bend

    def _root(self, f: Array) -> Array:
        root = f * f
        root += self._square
        return np.sqrt(root, out=root)

    def _value(self, f: Array, root: Array) -> Array:
        value = f * self._straight
        value += root * self._bent
        if self._lift is not None:
            value -= self._lift
        return value
