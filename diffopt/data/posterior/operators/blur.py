"""Gaussian blur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from diffopt.data.posterior.operators.base import Operator
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array, Shape


@dataclass(frozen=True)
class GaussianBlur(Operator):
    """Periodic convolution with a Gaussian of standard deviation `width` pixels: gains exp(-width^2 |k|^2/2)."""

    name: ClassVar[str] = "blur"
    summary: ClassVar[str] = "Gaussian blur, blur:WIDTH in pixels"
    width: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.width < np.inf:
            raise InputError(f"blur width must be positive, got {self.width:g} pixels; try blur:1.5")

    def gains(self, shape: Shape) -> NDArray[np.complex128]:
        """Real multipliers at the frequencies 2 pi j/n of every axis."""
        axes = np.meshgrid(*(2 * np.pi * np.fft.fftfreq(n) for n in shape), indexing="ij")
        with np.errstate(over="ignore", under="ignore"):
            # Beyond the range of doubles the gains are 0.
            return np.asarray(np.exp(-0.5 * sum((self.width * k) ** 2 for k in axes)), dtype=np.complex128)

    def apply(self, x: Array, shape: Shape) -> Array:
        """Through the Fourier transform."""
        axes = tuple(range(1, x.ndim))
        return np.asarray(np.fft.ifftn(np.fft.fftn(x, axes=axes) * self.gains(shape), axes=axes).real).reshape(
            len(x), -1
        )
