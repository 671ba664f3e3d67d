"""What a measurement operator is: a linear map of an image, and its gains where it is diagonal in Fourier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array, Shape


@dataclass(frozen=True)
class Operator(ABC):
    """Linear measurement y = A x of a periodic array x of a given shape.

    The author writes :meth:`apply` (and :meth:`gains` for convolutions); matrices and adjoints follow.
    `pixels` says whether the map means neighbouring places, which directions of a spectrum do not have.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    pixels: ClassVar[bool] = True

    @property
    def random(self) -> bool:
        """Whether `seed` decides what is measured."""
        return False

    @abstractmethod
    def apply(self, x: Array, shape: Shape) -> Array:
        """Measurements, shape (batch, m), of arrays x of shape (batch, *shape)."""

    def gains(self, shape: Shape) -> NDArray[np.complex128] | None:
        """Fourier multipliers of shape `shape` where A is a periodic convolution, else None."""
        del shape
        return None

    def matrix(self, shape: Shape) -> Array:
        """Dense A, shape (m, d): the images of the unit vectors."""
        d = int(np.prod(shape))
        return np.ascontiguousarray(self.apply(np.eye(d).reshape(d, *shape), shape).T)


@dataclass(frozen=True)
class MatrixOperator(Operator):
    """A user's matrix, shape (m, d).

    Raises
    ------
    InputError
        Not a finite real matrix, or another number of columns than directions.
    """

    name: ClassVar[str] = "matrix"
    summary: ClassVar[str] = "a matrix from a .npy file, --operator matrix:FILE"
    pixels: ClassVar[bool] = False
    values: Array = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.size or not np.all(np.isfinite(self.values)):
            raise InputError(f"an operator matrix must be finite and of shape (m, d), got shape {self.values.shape}")

    def apply(self, x: Array, shape: Shape) -> Array:
        """Rows of the matrix against x."""
        flat = x.reshape(x.shape[0], -1)
        if flat.shape[1] != self.values.shape[1]:
            raise InputError(f"the operator has {self.values.shape[1]} columns for {flat.shape[1]} directions")
        return flat @ self.values.T
