"""Kinks of factors and terms of chains, sharp or rounded, with derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array

#: Stands for 0 below a line.
TINY = 1e-300


class Kink:
    """max(f, 0), or |f|, both rounded over a width of f (theory.md, eqs. 386, 409).

    Attributes
    ----------
    width : ndarray, shape (N, 1, D)
        0 where nothing is rounded.
    positive : bool
        Whether it is max(f, 0).
    """

    def __init__(self, width: Array, positive: bool) -> None:
        self.width, self.positive, self._square = width, positive, width**2
        self._sharp = not width.any()

    @staticmethod
    def beside(kinks: Sequence[Kink | None]) -> Kink | None:
        """Of several chains, in the axis of runs."""
        there = [kink for kink in kinks if kink is not None]
        return Kink(np.concatenate([kink.width for kink in there], axis=1), there[0].positive) if there else None

    def of(self, places: NDArray[np.int_]) -> Kink:
        """Those of runs."""
        return self if self._sharp else Kink(self.width[:, places], self.positive)

    def at(self, f: Array) -> Array:
        """Values, shape (N, B, D)."""
        if self._sharp:
            return np.maximum(f, 0) if self.positive else np.abs(f)
        return self._value(f, self._root(f))

    def near(self, f: Array, slope: Array, second: Array) -> tuple[Array, Array, Array]:
        """Values, slopes and second derivatives from those of f."""
        if self._sharp:
            sign = np.sign(f)
            if self.positive:
                sign = (sign + 1) * 0.5
            return self.at(f), sign * slope, sign * second
        root = self._root(f)
        inverse = 1 / np.maximum(root, TINY)
        sign = f * inverse
        # 1 - (f/root)^2 is the square of width/root.
        inverse *= self.width
        bend = inverse * inverse
        bend *= slope
        bend *= slope
        bend /= np.maximum(root, TINY)
        if self.positive:
            bend *= 0.5
            sign = (sign + 1) * 0.5
        bend += sign * second
        return self._value(f, root), sign * slope, bend

    def _root(self, f: Array) -> Array:
        root = f * f
        root += self._square
        return np.sqrt(root, out=root)

    def _value(self, f: Array, root: Array) -> Array:
        return (f + root) * 0.5 if self.positive else root - self.width
