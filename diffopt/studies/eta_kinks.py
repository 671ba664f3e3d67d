"""Kinks of factors and terms of chains, sharp or rounded, with derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array

#: Stands for 0 below a line.
TINY = 1e-300


class Kinks:
    """max(f, 0) of factors and |f| of terms, rounded over widths w (theory.md, eqs. 386, 409), as s f + t sqrt(f^2 + w^2) - u w.

    s = t = 1/2, u = 0 is the first, s = 0, t = u = 1 the second, and s = 1, t = u = 0 is f itself.

    Attributes
    ----------
    straight, bent : ndarray, shape (1, G, 2 D)
        s and t of the factors and of the terms, of one chain or of several.
    width, lift : ndarray, shape (N, G, 2 D)
        w and u w.
    """

    def __init__(self, straight: Array, bent: Array, width: Array, lift: Array) -> None:
        self.straight, self.bent, self.width, self.lift = straight, bent, width, lift
        self._none, self._sharp, self._lifted = not bent.any(), not width.any(), bool(lift.any())

    @classmethod
    def create(cls, width: Array, positive: bool, added: bool) -> Kinks:
        """Of one chain: whether factors are at least 0, and whether terms count in absolute value; width of shape (N, 2 D)."""
        half = np.ones(width.shape[-1] // 2)
        bent = np.concatenate([half * (0.5 if positive else 0.0), half * (1.0 if added else 0.0)])
        lift = width * np.concatenate([0 * half, half * (1.0 if added else 0.0)])
        return cls((1 - bent)[None, None], bent[None, None], width[:, None], lift[:, None])

    @staticmethod
    def beside(kinks: Sequence[Kinks]) -> Kinks:
        """Of several chains, in the axis of runs."""
        names = ("straight", "bent", "width", "lift")
        return Kinks(*(np.concatenate([getattr(one, name) for one in kinks], axis=1) for name in names))

    def of(self, places: NDArray[np.int_]) -> Kinks:
        """Those of runs."""
        return Kinks(*(part[:, places] for part in (self.straight, self.bent, self.width, self.lift)))

    def at(self, f: Array) -> Array:
        """Values, shape (N, B, 2 D)."""
        if self._none:
            return f
        return self._value(f, np.abs(f) if self._sharp else self._root(f))

    def near(self, f: Array, slope: Array, second: Array, twice: bool = True) -> tuple[Array, Array, Array]:
        """Values, slopes and, if asked for `twice`, second derivatives from those of f."""
        if self._none:
            return f, slope, second
        if self._sharp:
            factor = np.sign(f)
            factor *= self.bent
            factor += self.straight
            return factor * f, factor * slope, factor * second if twice else second
        root = self._root(f)
        inverse = 1 / np.maximum(root, TINY)
        factor = f * inverse
        factor *= self.bent
        factor += self.straight
        if not twice:
            return self._value(f, root), factor * slope, second
        # t (w/root)^2/root, where 1 - (f/root)^2 is the square of w/root.
        bend = inverse * self.width
        bend *= bend
        bend *= inverse
        bend *= self.bent
        bend *= slope
        bend *= slope
        bend += factor * second
        return self._value(f, root), factor * slope, bend

    def _root(self, f: Array) -> Array:
        root = f * f
        root += self.width * self.width
        return np.sqrt(root, out=root)

    def _value(self, f: Array, root: Array) -> Array:
        value = f * self.straight
        root *= self.bent
        value += root
        if self._lifted:
            value -= self.lift
        return value
