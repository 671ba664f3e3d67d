"""The teacher trajectory of the distillation-like dynamic programs, on Gaussian data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.schedules.base import Array, Request
from diffopt.schedules.density import spectrum_of
from diffopt.schedules.karras import Karras
from diffopt.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class Teacher:
    """Exact flow on a fine Karras grid.

    In high dimension sums over directions replace expectations over samples: the teacher's state is
    the vector sqrt(V) (one coordinate per direction), and an Euler step from i to j leads to
    (eig + s_i s_j)/sqrt(V_i).

    Attributes
    ----------
    sigma : ndarray, shape (T,)
        Descending.
    spectrum : Spectrum
    root : ndarray, shape (T, n)
        sqrt(eig + sigma^2).
    """

    sigma: Array
    spectrum: Spectrum
    root: Array

    @classmethod
    def of(cls, request: Request, name: str, points: int) -> Teacher:
        """Teacher on `points` levels of the range, more where the budget needs them."""
        spectrum, (high, low) = spectrum_of(request, name), request.finite(name)
        count = max(points, 2 * request.levels)
        sigma = Karras().levels(Request(request.process, count, high, low))
        return cls(sigma, spectrum, np.sqrt(spectrum.eig + sigma[:, None] ** 2))

    def inner(self, left: Array, right: Array) -> Array:
        """Weighted inner products of rows, shape (rows of left, rows of right)."""
        return np.asarray((left * self.spectrum.weight) @ right.T)

    def euler(self, state: Array) -> tuple[Array, Array]:
        """Pair (a, b): an Euler step of the states, shape (T, n), from sigma_i to s ends in a_i + s b_i."""
        gain = state / self.root**2
        return self.spectrum.eig * gain, self.sigma[:, None] * gain
