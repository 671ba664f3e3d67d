"""Rows of exponential integrators: exact in the noise, polynomial in the denoiser (theory.md, eqs. 12-13)."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.table import Table


def first_order(table: Table, points: Points, row: int = 0, lag: int = 0) -> None:
    """x' = r x + (1 - r) D, in process coordinates: (n1/n0) z + (alpha1 - alpha0 n1/n0) D."""
    table.state[..., row, lag] = points.decay
    table.denoised[..., row, lag] = points.alpha_1 - points.alpha_0 * points.decay


def step_ratio(points: Points, back: int = 1) -> Numbers:
    """h_k / h_{k-back} of half-log-SNR increments, shape (..., N).

    0 where the earlier step does not exist or is unbounded (its slope then has no weight), and where
    the step itself is unbounded (a last step to the data is first order).
    """
    ratio = np.zeros(points.h.shape, points.h.dtype)
    usable = ~points.unbounded[:-back] & ~points.unbounded[back:]
    ratio[..., back:] = np.where(usable, points.h[..., back:] / points.h[..., :-back], 0)
    return ratio


def ancestral_split(ratio: Numbers, eta: Numbers) -> tuple[Numbers, Numbers]:
    """Fractions (down, up) of the end level: up = min(1, eta sqrt(1 - r^2)), down = sqrt(1 - up^2).

    Reference: k-diffusion's get_ancestral_step; Song et al. (2021), arXiv:2010.02502, eq. 16.
    """
    wish = eta * np.sqrt(1 - ratio**2)
    capped = wish.real >= 1
    up = np.where(capped, 1.0, wish)
    down = np.where(capped, 0.0, np.sqrt(np.where(capped, 1.0, 1 - wish**2)))
    return down, up


def phi_weights(h: Numbers) -> tuple[Numbers, Numbers]:
    """phi_2 = (e^{-h} - 1)/h + 1 and phi_3 = phi_2/h - 1/2 of the data-prediction formulas (theory.md, eq. 17)."""
    phi_2 = np.expm1(-h) / h + 1
    return phi_2, phi_2 / h - 0.5


def differences(q0: Numbers, q1: Numbers) -> tuple[tuple[Numbers, ...], tuple[Numbers, ...]]:
    """Weights of (D, D_1, D_2) in d_1 and d_2, with q_i = h/h_{-1-i} (theory.md, eq. 17).

    u = q0 (D - D_1), v = q1 (D_1 - D_2), d_1 = u + m (u - v), d_2 = q0 m (u - v), m = q1/(q0 + q1); without a
    third output (q1 = 0) d_1 = u and d_2 = 0.
    """
    mix = q1 / np.where(q0 + q1 == 0, 1, q0 + q1)
    second = ((1 + mix) * q0, -(1 + mix) * q0 - mix * q1, mix * q1)
    third = (q0 * mix * q0, -q0 * mix * (q0 + q1), q0 * mix * q1)
    return second, third
