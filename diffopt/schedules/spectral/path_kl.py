"""Grids that are stationary points of a left Riemann sum, found by shooting on their first step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.spectral.density import spectrum_of

#: (value, slope) of an increasing function at many points, shape (n,) each.
Curve = Callable[[Array], tuple[Array, Array]]


def stationary(curve: Curve, first: float, last: float, steps: int) -> Array:
    """Points x_0 < ... < x_N at which sum_i g(x_i)(x_{i+1} - x_i) is stationary, g = `curve`.

    d/dx_i gives g'(x_i)(x_{i+1} - x_i) = g(x_i) - g(x_{i-1}): two points fix all others. The first
    step is found by repeated subdivision of its logarithm, 64 candidates at a time.

    Returns
    -------
    ndarray, shape (steps + 1,)
    """
    if steps == 1:
        return np.array([first, last])
    low, high = np.log(1e-14 * (last - first)), np.log(last - first)
    for _ in range(9):
        trial = np.linspace(low, high, 64)
        over = _march(curve, first, np.exp(trial), last, steps)[-1] > last
        j = int(np.argmax(over)) if over.any() else trial.size - 1
        low, high = trial[max(j - 1, 0)], trial[j]
    points = _march(curve, first, np.exp(np.array([low])), np.inf, steps)[:, 0]
    points[-1] = last
    return points


def _march(curve: Curve, first: float, step: Array, last: float, steps: int) -> Array:
    """All points for many first steps, shape (steps + 1, n); stopped a little beyond `last`."""
    points = [np.full(step.shape, first), first + step]
    old, _ = curve(points[0])
    beyond = last + 1.0 if last <= 0 else 2 * last
    for _ in range(steps - 1):
        value, slope = curve(np.minimum(points[-1], last))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            new = points[-1] + (value - old) / slope
        points.append(np.where(points[-1] >= last, beyond, np.minimum(new, beyond)))
        old = value
    return np.stack(points)


class EMPathKL(Schedule):
    """The exact minimizer of the path KL of Euler-Maruyama in the noise-ratio picture.

    The path KL is const - 1/2 sum_i J(v_i)(v_i - v_{i+1}), v = sigma^2, J(v) = sum 1/(eig + v) the
    Fisher information; the stationarity is a two-term recursion, solved by shooting. For one
    eigenvalue log(eig + v) is equally spaced.
    Reference: derived here.
    """

    name = "em_path_kl"
    kind = "spectrum"
    status = "derived"
    slow = True
    reference = "derived here (path KL of Euler-Maruyama, theory of reverse martingales)"
    most = 500
    formula = "J'(v_i)(v_i - v_{i+1}) + J(v_i) - J(v_{i-1}) = 0, v = sigma^2, J(v) = sum 1/(eig + v)"

    def levels(self, span: Span) -> Array:
        """Shooting in -sigma^2."""
        spectrum = spectrum_of(span, self.name)
        high, low = span.finite(self.name)

        def information(x: Array) -> tuple[Array, Array]:
            share = 1 / (spectrum.eig - np.minimum(x, -(low**2))[:, None])
            return share @ spectrum.weight, share**2 @ spectrum.weight

        levels = np.sqrt(-stationary(information, -(high**2), -(low**2), span.levels - 1))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)


class KLUB(Schedule):
    """The exact minimizer of Align Your Steps' KL bound for stochastic DDIM on Gaussian data.

    The bound is 1/2 sum_i m(g_i)(g_{i+1} - g_i) + const in the signal-to-noise ratio g = 1/sigma^2,
    m(g) = sum eig/(1 + eig g) the least mean squared error: the left Riemann sum of an integral that
    does not depend on the grid. Its stationarity is a two-term recursion, solved by shooting.
    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, eq. 12 (objective); solution derived here.
    """

    name = "klub"
    kind = "spectrum"
    status = "derived"
    slow = True
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507 (objective read); Gaussian solution derived here"
    most = 500
    formula = "g_{i+1} = g_i + (m(g_{i-1}) - m(g_i))/(-m'(g_i)), g = 1/sigma^2, m(g) = sum eig/(1 + eig g)"

    def levels(self, span: Span) -> Array:
        """Shooting in the signal-to-noise ratio."""
        spectrum = spectrum_of(span, self.name)
        high, low = span.finite(self.name)

        def error(g: Array) -> tuple[Array, Array]:
            share = spectrum.eig / (1 + spectrum.eig * g[:, None])
            return -share @ spectrum.weight, share**2 @ spectrum.weight

        levels = stationary(error, high**-2, low**-2, span.levels - 1) ** -0.5
        levels[0], levels[-1] = high, low
        return np.asarray(levels)
