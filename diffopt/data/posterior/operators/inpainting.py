"""Inpainting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.data.posterior.operators.base import Operator
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array, Shape


@dataclass(frozen=True)
class Inpainting(Operator):
    """Keep a share of the pixels, chosen at random with a fixed seed, or all but a centred box.

    Attributes
    ----------
    keep : float
        Share of pixels that is measured.
    box : bool
        Whether what is missing is a centred box instead of random pixels.
    seed : int
        Of the random choice.
    """

    name: ClassVar[str] = "inpainting"
    summary: ClassVar[str] = "random pixels, inpainting:KEEP, or all but a centred box, inpainting:KEEP:box"
    keep: float = 0.5
    box: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise InputError(f"share of pixels kept must be above 0 and at most 1, got {self.keep:g}")

    @property
    def random(self) -> bool:
        """Which pixels are kept, but for a box."""
        return not self.box

    def mask(self, shape: Shape) -> np.ndarray:
        """True where a pixel is measured."""
        if not self.box:
            count = max(1, round(self.keep * int(np.prod(shape))))
            mask = np.zeros(int(np.prod(shape)), bool)
            mask[np.random.default_rng(self.seed).permutation(mask.size)[:count]] = True
            return mask.reshape(shape)
        side = (1 - self.keep) ** (1 / len(shape))
        near = [np.abs(np.arange(n) - (n - 1) / 2) < side * n / 2 for n in shape]
        return np.asarray(~np.logical_and.reduce(np.meshgrid(*near, indexing="ij")))

    def apply(self, x: Array, shape: Shape) -> Array:
        """The measured pixels."""
        return x[:, self.mask(shape)]
