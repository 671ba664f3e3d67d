"""Align Your Steps' bound, minimized exactly."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.density import spectrum_of
from diffopt.schedules.shooting import stationary


class KLUB(Schedule):
    """The exact minimizer of Align Your Steps' KL bound for stochastic DDIM on Gaussian data.

    The bound is 1/2 sum_i m(g_i)(g_{i+1} - g_i) + const in the signal-to-noise ratio g = 1/sigma^2,
    m(g) = sum eig/(1 + eig g) the least mean squared error: the left Riemann sum of an integral that
    does not depend on the grid. Its stationarity is a two-term recursion, solved by shooting.
    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, eq. 12 (objective); solution derived here.
    """

    name = "klub"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    slow = True
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507 (objective read); Gaussian solution derived here"
    most = 500
    formula = "g_{i+1} = g_i + (m(g_{i-1}) - m(g_i))/(-m'(g_i)), g = 1/sigma^2, m(g) = sum eig/(1 + eig g)"

    def levels(self, request: Request) -> Array:
        """Shooting in the signal-to-noise ratio."""
        spectrum = spectrum_of(request, self.name)
        high, low = request.finite(self.name)

        def error(g: Array) -> tuple[Array, Array]:
            share = spectrum.eig / (1 + spectrum.eig * g[:, None])
            return -share @ spectrum.weight, share**2 @ spectrum.weight

        levels = stationary(error, high**-2, low**-2, request.levels - 1) ** -0.5
        levels[0], levels[-1] = high, low
        return np.asarray(levels)
