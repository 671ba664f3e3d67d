"""The teacher trajectory of the distillation-like dynamic programs, on Gaussian data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.fixed.k_diffusion import Karras
from diffopt.schedules.spectral.density import spectrum_of


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
    def of(cls, span: Span, name: str, points: int) -> Teacher:
        """Teacher on `points` levels of the range, more where the budget needs them."""
        spectrum, (high, low) = spectrum_of(span, name), span.finite(name)
        count = max(points, 2 * span.levels)
        sigma = Karras().levels(Span(span.process, count, high, low))
        return cls(sigma, spectrum, np.sqrt(spectrum.eig + sigma[:, None] ** 2))

    def inner(self, left: Array, right: Array) -> Array:
        """Weighted inner products of rows, shape (rows of left, rows of right)."""
        return np.asarray((left * self.spectrum.weight) @ right.T)

    def euler(self, state: Array) -> tuple[Array, Array]:
        """Pair (a, b): an Euler step of the states, shape (T, n), from sigma_i to s ends in a_i + s b_i."""
        gain = state / self.root**2
        return self.spectrum.eig * gain, self.sigma[:, None] * gain
