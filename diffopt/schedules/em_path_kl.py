"""The best grid for Euler-Maruyama in path KL."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.density import spectrum_of
from diffopt.schedules.shooting import stationary


class EMPathKL(Schedule):
    """The exact minimizer of the path KL of Euler-Maruyama in the noise-ratio picture.

    The path KL is const - 1/2 sum_i J(v_i)(v_i - v_{i+1}), v = sigma^2, J(v) = sum 1/(eig + v) the
    Fisher information; the stationarity is a two-term recursion, solved by shooting. For one
    eigenvalue log(eig + v) is equally spaced.
    Reference: derived here.
    """

    name = "em_path_kl"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    slow = True
    reference = "derived here (path KL of Euler-Maruyama, theory of reverse martingales)"
    most = 500
    formula = "J'(v_i)(v_i - v_{i+1}) + J(v_i) - J(v_{i-1}) = 0, v = sigma^2, J(v) = sum 1/(eig + v)"

    def levels(self, request: Request) -> Array:
        """Shooting in -sigma^2."""
        spectrum = spectrum_of(request, self.name)
        high, low = request.finite(self.name)

        def information(x: Array) -> tuple[Array, Array]:
            share = 1 / (spectrum.eig - np.minimum(x, -(low**2))[:, None])
            return share @ spectrum.weight, share**2 @ spectrum.weight

        levels = np.sqrt(-stationary(information, -(high**2), -(low**2), request.levels - 1))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)
