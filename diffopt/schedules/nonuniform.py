"""The objective of DM-NonUniform and its minimization."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from diffopt.processes.base import Numbers
from diffopt.schedules.base import Array

#: Step of the complex-step derivative, and evaluations at most.
STEP, BUDGET = 1e-30, 400


def amplification(logsnr: Numbers, power: float) -> Numbers:
    """Sum over model calls of |weight| times noise^power/alpha, shape (...,) for half-log-SNRs (..., N + 1).

    The weight of a call is the sum over the steps that use it of the integral of e^L times its
    Lagrange basis; orders 1, 2, 3, ..., 3, 2, 1. First and last step enter by themselves, the other
    two of the first three steps as root sums of squares, as in the authors' code.
    """
    n = logsnr.shape[-1] - 1
    scale = np.exp(-power * logsnr) * (1 + np.exp(-2 * logsnr)) ** ((1 - power) / 2)
    grow = np.exp(logsnr)
    total = np.zeros(logsnr.shape[:-1], logsnr.dtype)
    weight = np.zeros((*logsnr.shape[:-1], n), logsnr.dtype)
    for s in range(n):
        order = min(s + 1, n - s, 3)
        terms = [scale[..., s - order + 1 + k] * j for k, j in enumerate(_lagrange(logsnr, grow, s, order))]
        if order == 1:
            total = total + _size(terms[0])
        elif s < 3:
            total = total + np.sqrt(sum(term**2 for term in terms))
        else:
            for k, term in enumerate(terms):
                weight[..., s - order + 1 + k] += term
    return np.asarray(total + _size(weight).sum(axis=-1))


def _size(x: Numbers) -> Numbers:
    """Absolute value that a complex step can follow."""
    return np.where(x.real < 0, -x, x)


def _lagrange(logsnr: Numbers, grow: Numbers, s: int, order: int) -> list[Numbers]:
    """Integrals over step s of e^L times the Lagrange basis of calls s - order + 1, ..., s."""
    h = logsnr[..., s + 1] - logsnr[..., s]
    rise = np.exp(h)
    h0 = rise - 1
    h1 = rise * h - h0
    h2 = rise * h**2 - 2 * h1
    base = grow[..., s]
    if order == 1:
        return [base * h0]
    p = logsnr[..., s] - logsnr[..., s - 1]
    if order == 2:
        return [-base * h1 / p, base * (h1 + p * h0) / p]
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

    def value(x: Array) -> tuple[float, Array]:
        moved = amplification(place(x + 1j * STEP * np.eye(n)), power)
        floor = moved.real[0]
        return float(np.log(floor)), moved.imag / STEP / floor

    start = np.log(np.diff(logsnr) / span)
    found = minimize(value, start, jac=True, method="L-BFGS-B", options={"maxfun": BUDGET})
    return np.asarray(np.exp(-place(found.x)))
