"""The continuous step density that is optimal to leading order, from which a grid of any N follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array

#: log-variance error per |d sigma|^(p+1), shape (n, d), from sigma of shape (n, 1) and eig of shape (d,).
Kappa = Callable[[Array, Array], Array]

#: Nodes per decade of sigma, and how far beyond the spectrum's own scales an open range is resolved.
PER_DECADE, REACH = 160, 1e3
#: Rounds of the fixed point; with the damping of theory.md, eq. 72, each shrinks the error to p/(p + 2) or less.
ROUNDS, TOLERANCE = 400, 1e-10


@dataclass(frozen=True, eq=False)
class Density:
    """Share of the steps spent below each noise ratio.

    Attributes
    ----------
    sigma : ndarray, shape (n,)
        Increasing nodes, first the lower and last the upper end of the range (may be 0 and inf).
    cumulative : ndarray, shape (n,)
        Share of the steps between the lower end and the node, from 0 to 1.
    """

    sigma: Array
    cumulative: Array

    def levels(self, count: int, low: float = 0.0) -> Array:
        """`count` noise ratios with equal shares between them, from the upper end down to max(low, lower end)."""
        floor = float(self.share(low))
        shares = np.linspace(1.0, floor, count)
        levels = self.quantile(shares)
        levels[0], levels[-1] = self.sigma[-1], max(low, self.sigma[0])
        return levels

    def share(self, sigma: float) -> float:
        """Share of the steps below `sigma`."""
        return float(np.interp(_compact(np.array([sigma]), self._scale)[0], self._angles, self.cumulative))

    def quantile(self, share: Array) -> Array:
        """Noise ratio below which a share of the steps lies."""
        angle = np.interp(share, self.cumulative, self._angles)
        return _expand(np.asarray(angle), self._scale)

    @property
    def _scale(self) -> float:
        finite = self.sigma[np.isfinite(self.sigma) & (self.sigma > 0)]
        return float(finite[np.searchsorted(self.cumulative[1:-1], 0.5)]) if finite.size > 2 else float(finite[-1])

    @property
    def _angles(self) -> Array:
        return _compact(self.sigma, self._scale)


def _compact(sigma: Array, scale: float) -> Array:
    """A coordinate in which 0 and infinity are finite and which is logarithmic near neither."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.arctan(sigma / scale))


def _expand(angle: Array, scale: float) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(np.where(angle >= np.pi / 2, np.inf, scale * np.tan(angle)))


def nodes(spectrum: Spectrum, high: float, low: float) -> Array:
    """Quadrature nodes: geometric, with an open end (0 or infinity) closed where nothing changes any more."""
    positive = np.sqrt(spectrum.eig[spectrum.eig > 0])
    top = high if np.isfinite(high) else max(positive[0], low) * REACH
    bottom = low if low > 0 else min(positive[-1], top) / REACH
    bottom = max(bottom, top * 1e-12)
    count = max(2, int(PER_DECADE * np.log10(top / bottom)))
    return np.geomspace(bottom, top, count)


def optimal_density(spectrum: Spectrum, kappa: Kappa, order: int, high: float, low: float) -> Density:
    """Minimizer of sum_k w_k (integral kappa_k rho^-p d sigma)^2 with integral rho = 1 (theory.md, eqs. 70-72).

    rho^(p+1) is proportional to sum_k w_k I_k kappa_k, I_k = integral of kappa_k rho^-p; kappa of one sign.

    Parameters
    ----------
    spectrum : Spectrum
        Data; w_k is weight times the variance eig + low^2 where the grid ends.
    kappa : callable
        Absolute log-variance error per |d sigma|^(p+1).
    order : int
        p.
    high, low : float
        Range of noise ratios; may be infinite and 0.
    """
    sigma = nodes(spectrum, high, low)
    errors = kappa(sigma[:, None], spectrum.eig)
    weight = spectrum.weight * (spectrum.eig + low**2)
    cell = np.gradient(np.log(sigma)) * sigma
    cell[[0, -1]] /= 2
    rho = (errors**2 @ weight) ** (0.5 / (order + 1))
    for _ in range(ROUNDS):
        rho = rho / (cell @ rho)
        pull = errors @ (weight * ((cell * rho**-order) @ errors))
        new = rho ** (1 - 2 / (order + 2)) * (pull ** (1 / (order + 1))) ** (2 / (order + 2))
        new = new / (cell @ new)
        moved, rho = np.max(np.abs(new / rho - 1)), new
        if moved < TOLERANCE:
            break
    return from_rate(sigma, rho, high, low)


def rms_density(spectrum: Spectrum, kappa: Kappa, order: int, high: float, low: float) -> Density:
    """Density (sum w kappa^2)^(1/(2(p+1))), for errors that change sign and so cancel (theory.md, eq. 73)."""
    sigma = nodes(spectrum, high, low)
    weight = spectrum.weight * (spectrum.eig + low**2)
    rho = (kappa(sigma[:, None], spectrum.eig) ** 2 @ weight) ** (0.5 / (order + 1))
    return from_rate(sigma, rho, high, low)


def from_rate(sigma: Array, rho: Array, high: float, low: float) -> Density:
    """Cumulative density; log-log linear between nodes, with power-law tails to open ends."""
    flow = rho * sigma
    pieces = np.diff(np.log(sigma)) * _log_mean(flow[:-1], flow[1:])
    ends = [sigma]
    if low == 0:
        pieces, ends = np.concatenate([[flow[0]], pieces]), [np.zeros(1), *ends]
    if np.isinf(high):
        pieces, ends = np.concatenate([pieces, [_tail(sigma, rho)]]), [*ends, np.full(1, np.inf)]
    total = np.concatenate([[0.0], np.cumsum(pieces)])
    return Density(np.concatenate(ends), total / total[-1])


def _log_mean(a: Array, b: Array) -> Array:
    """Logarithmic mean, the average of exp between log a and log b."""
    gap = np.log(b / a)
    small = np.abs(gap) < 1e-6
    return np.asarray(np.where(small, (a + b) / 2, (b - a) / np.where(small, 1, gap)))


def _tail(sigma: Array, rho: Array) -> float:
    """Integral beyond the last node of the power law through the last two."""
    power = -np.log(rho[-1] / rho[-2]) / np.log(sigma[-1] / sigma[-2])
    return float(rho[-1] * sigma[-1] / (power - 1))
