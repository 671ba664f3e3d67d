"""DM-NonUniform: grids that amplify errors of a multistep solver least, whatever the data."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array, Numbers
from diffopt.foundation.complex_step import STEP
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.fixed.k_diffusion import Exponential
from diffopt.schedules.fixed.time import UniformVP

#: Evaluations at most.
BUDGET = 60

#: Largest sigma_max/sigma_min: squares of amplifications must be numbers.
WIDEST = 1e50

#: Rounding widths of the absolute values, in units of the mean term, from round to sharp.
WIDTHS = (0.3, 0.03, 0.003)


def wide(name: str, span: Span) -> tuple[float, float]:
    """(sigma_max, sigma_min) of a range over which the amplification is a number.

    Raises
    ------
    UnsupportedError
        A range that is too wide, or not finite and positive.
    """
    high, low = span.finite(name)
    if high / WIDEST > low:
        raise UnsupportedError(
            f"schedule {name!r} takes ranges up to a ratio of {WIDEST:g}, got {high:g} to {low:g}; try karras"
        )
    return high, low


def amplification(logsnr: Numbers, power: float, width: float = 0.0) -> Numbers:
    """Sum over model calls of |weight| times noise^power/alpha, shape (...,) for half-log-SNRs (..., N + 1).

    The weight of a call is the sum over the steps that use it of the integral of e^L times its
    Lagrange basis; orders 1, 2, 3, ..., 3, 2, 1. First and last step enter by themselves, the other
    two of the first three steps as root sums of squares, as in the authors' code. Absolute values are
    rounded off over `width`.
    """
    n = logsnr.shape[-1] - 1
    scale = np.exp(-power * logsnr) * (1 + np.exp(-2 * logsnr)) ** ((1 - power) / 2)
    step = np.arange(n)
    orders = np.minimum(np.minimum(step + 1, n - step), 3)
    total = np.zeros(logsnr.shape[:-1], logsnr.dtype)
    weight = np.zeros((*logsnr.shape[:-1], n), logsnr.dtype)
    for order in (1, 2, 3):
        s = step[orders == order]
        calls = [s - order + 1 + k for k in range(order)]
        terms = [scale[..., c] * j for c, j in zip(calls, _lagrange(logsnr, s, order), strict=True)]
        early, late = s < (n if order == 1 else 3), s >= (n if order == 1 else 3)
        if order == 1:
            total = total + _size(terms[0], width).sum(axis=-1)
        elif early.any():
            total = total + np.sqrt(sum(term[..., early] ** 2 for term in terms)).sum(axis=-1)
        for c, term in zip(calls, terms, strict=True):
            weight[..., c[late]] += term[..., late]
    return np.asarray(total + _size(weight, width).sum(axis=-1))


def _size(x: Numbers, width: float) -> Numbers:
    """Absolute value that a complex step can follow."""
    return np.sqrt(x**2 + width**2) if width else np.where(x.real < 0, -x, x)


def _lagrange(logsnr: Numbers, s: NDArray[np.int64], order: int) -> list[Numbers]:
    """Integrals over the steps s of e^L times the Lagrange basis of calls s - order + 1, ..., s."""
    h, base = logsnr[..., s + 1] - logsnr[..., s], np.exp(logsnr[..., s])
    rise = np.exp(h)
    h0 = rise - 1
    if order == 1:
        return [base * h0]
    h1 = rise * h - h0
    p = logsnr[..., s] - logsnr[..., s - 1]
    if order == 2:
        return [-base * h1 / p, base * (h1 + p * h0) / p]
    h2 = rise * h**2 - 2 * h1
    q = logsnr[..., s - 1] - logsnr[..., s - 2]
    return [
        base * (h2 + p * h1) / (q * (q + p)),
        -base * (h2 + (q + p) * h1) / (q * p),
        base * (h2 + (2 * p + q) * h1 + p * (q + p) * h0) / (p * (q + p)),
    ]


def improved(levels: Array, power: float) -> Array:
    """Noise ratios that minimize the amplification, started from `levels` (both ends fixed)."""
    logsnr = -np.log(levels)
    span, n = logsnr[-1] - logsnr[0], levels.size - 1

    def place(x: NDArray[np.complex128] | Array) -> Numbers:
        e = np.exp(x)
        inner = logsnr[0] + span * np.cumsum(e, axis=-1)[..., :-1] / e.sum(axis=-1, keepdims=True)
        ends = np.broadcast_to(logsnr[[0, -1]], (*x.shape[:-1], 2))
        return np.concatenate([ends[..., :1], inner, ends[..., 1:]], axis=-1)

    def value(x: Array, width: float) -> tuple[float, Array]:
        moved = amplification(place(x + 1j * STEP * np.eye(n)), power, width)
        floor = moved.real[0]
        return float(np.log(floor)), moved.imag / STEP / floor

    x = np.log(np.diff(logsnr) / span)
    bounds = [(float(x.mean()) - 8, float(x.mean()) + 8)] * n
    scale = float(amplification(logsnr, power)) / n
    for width in WIDTHS:
        options = {"maxfun": BUDGET, "ftol": 1e-9}
        x = scipy.optimize.minimize(
            value, x, (width * scale,), jac=True, method="L-BFGS-B", bounds=bounds, options=options
        ).x
    return np.asarray(np.exp(-place(x)))


class DMNLatent(Schedule):
    """DM-NonUniform for latent models: `dmn_pixel` with errors weighted by the squared noise scale.

    Minimizes sum_i |weight of call i| noise_i^2/alpha_i; started from uniform time of the linear
    variance-preserving process. It does not look at the data.
    Reference: Xue et al. 2024, arXiv:2402.17376, and its code (p = 2).
    """

    name = "dmn_latent"
    slow = True
    reference = "Xue et al. 2024, arXiv:2402.17376 and its code (p = 2, start uniform t)"
    most = 48
    formula = "min over grids of sum_i |w_i| noise_i^2/alpha_i"

    def levels(self, span: Span) -> Array:
        """Local minimum."""
        ends = wide(self.name, span)
        start = UniformVP().levels(span)
        levels = improved(start, 2.0) if start.size > 2 else start
        levels[0], levels[-1] = ends
        return levels


class DMNPixel(Schedule):
    """DM-NonUniform for pixel models: the grid of a third-order multistep solver that amplifies errors least.

    Minimizes sum_i |weight of call i| noise_i/alpha_i over the grid, weights being integrals of e^L
    times Lagrange bases in half-log-SNR L; it does not look at the data. Started from uniform log-SNR;
    the objective is not convex, and the minimum found depends on the start.
    Reference: Xue et al. 2024, arXiv:2402.17376, and its code (p = 1).
    """

    name = "dmn_pixel"
    slow = True
    reference = "Xue et al. 2024, arXiv:2402.17376 and its code (p = 1, start uniform log-SNR)"
    most = 48
    formula = "min over grids of sum_i |w_i| noise_i/alpha_i"

    def levels(self, span: Span) -> Array:
        """Local minimum."""
        ends = wide(self.name, span)
        start = Exponential().levels(span)
        levels = improved(start, 1.0) if start.size > 2 else start
        levels[0], levels[-1] = ends
        return levels
