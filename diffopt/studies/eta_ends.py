"""Residuals of errors as functions of the ends of chains, with derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array

#: What stands in the axis of runs.
PARTS = ("weight", "root", "line", "floor", "rooted")


class ChainEnds:
    """r of ends y of chains: sqrt(w) (sqrt(y) - sqrt(v)), or sqrt(w) y/(2 sqrt(v)) at leading order (theory.md, eqs. 385, 405).

    Where v = 0, r is sqrt(w max(y, 0)) at leading order too; of chains of a mean mu it is sqrt(w) mu y.

    Attributes
    ----------
    weight, root, line, floor : ndarray, shape (1 or B, D)
        sqrt(w), sqrt(v), slope of r where it is linear, and least y whose root is taken, of one chain or of runs.
    rooted : ndarray, shape (1 or B, D)
        Whether r has a root.
    mean : ndarray or None
        sqrt(w) mu.
    """

    def __init__(
        self, weight: Array, root: Array, line: Array, floor: Array, rooted: NDArray[np.bool_], mean: Array | None
    ) -> None:
        self.weight, self.root, self.line, self.floor, self.rooted, self.mean = weight, root, line, floor, rooted, mean
        self._count, self._curved, self._straight = weight.shape[1], bool(rooted.any()), not rooted.all()

    @classmethod
    def create(cls, spectrum: Spectrum, end: Array, leading: bool) -> ChainEnds:
        """Of one chain whose exact law ends with some variances."""
        weight, rooted = np.sqrt(spectrum.weight), (end == 0) | (not leading)
        line = np.divide(weight, 2 * np.sqrt(end), out=np.zeros_like(weight), where=~rooted)
        mean = None if spectrum.mean is None else (spectrum.mean * weight)[None]
        # The exact variance is no less than 0; where a curve through some values is, there is no error.
        floor = np.full_like(weight, 0.0 if leading else -np.inf)
        return cls(weight[None], np.sqrt(end)[None], line[None], floor[None], rooted[None], mean)

    @staticmethod
    def beside(ends: Sequence[ChainEnds]) -> ChainEnds:
        """Of several chains, in the axis of runs."""
        parts: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in ends]) for name in PARTS}
        means = [one.mean for one in ends if one.mean is not None]
        return ChainEnds(mean=np.concatenate(means) if means else None, **parts)

    def of(self, places: NDArray[np.int_]) -> ChainEnds:
        """Those of runs."""
        parts: dict[str, Any] = {name: getattr(self, name)[places] for name in PARTS}
        return ChainEnds(mean=None if self.mean is None else self.mean[places], **parts)

    def rest(self, y: Array) -> Array:
        """r, shape (B, m)."""
        v = y[:, : self._count]
        part = v * self.line if self._straight else v
        if self._curved:
            curved = np.sqrt(np.maximum(v, self.floor))
            curved -= self.root
            curved *= self.weight
            part = np.where(self.rooted, curved, part) if self._straight else curved
        return part if self.mean is None else np.concatenate([part, y[:, self._count :] * self.mean], axis=-1)

    def slopes(self, y: Array) -> tuple[Array, Array | None]:
        """First and second derivatives of r by y, no second where r is linear; 0 where a root ends."""
        first, second = self.line, None
        if self._curved:
            v = y[:, : self._count]
            there = self.rooted & (v > 0)
            inverse = 1 / np.sqrt(np.where(there, v, 1.0))
            inverse *= there
            half = inverse * self.weight
            half *= 0.5
            first = first + half if self._straight else half
            second = inverse * inverse
            second *= half
            second *= -0.5
        if self.mean is None:
            return first, second
        mean = self.mean if first.shape[0] == self.mean.shape[0] else np.broadcast_to(self.mean, first.shape)
        both = np.concatenate([first, mean], axis=-1)
        return both, None if second is None else np.concatenate([second, np.zeros_like(second)], axis=-1)
