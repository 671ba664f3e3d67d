"""EDM's stochastic sampler: churn, then Heun."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.table import Table


@dataclass(frozen=True)
class EDMStochastic(Solver):
    """Raise the noise to sigma_hat = (1 + gamma) sigma, then one Heun step to sigma'.

    gamma = min(s_churn/N, sqrt 2 - 1) where s_tmin <= sigma <= s_tmax, else 0;
    x_hat = x + s_noise sqrt(sigma_hat^2 - sigma^2) xi. Euler on a step to sigma = 0.
    Reference: Karras et al. (2022), arXiv:2206.00364, alg. 2.

    Attributes
    ----------
    s_churn, s_tmin, s_tmax, s_noise : float
        The four numbers of the algorithm; the default churn is a mild one.
    """

    name: ClassVar[str] = "edm_stochastic"
    law_order: ClassVar[int] = 2
    stages: ClassVar[int] = 2
    churns: ClassVar[bool] = True
    reference: ClassVar[str] = "Karras et al. 2022, arXiv:2206.00364, alg. 2"

    s_churn: Numbers | float = 1.0
    s_tmin: float = 0.0
    s_tmax: float = float("inf")
    s_noise: Numbers | float = 1.0

    def __post_init__(self) -> None:
        churn, noise = np.asarray(self.s_churn).real, np.asarray(self.s_noise).real
        if not (churn >= 0 and self.s_tmin >= 0 and self.s_tmax >= self.s_tmin and noise >= 0):
            raise InputError("need s_churn >= 0, s_noise >= 0 and 0 <= s_tmin <= s_tmax")

    @property
    def churn(self) -> float:
        """`s_churn`, without the step of a derivative."""
        return float(np.asarray(self.s_churn).real)

    @property
    def churn_noise(self) -> float:
        """`s_noise`, without the step of a derivative."""
        return float(np.asarray(self.s_noise).real)

    def without_churn(self) -> EDMStochastic:
        """Heun, in three rows."""
        return replace(self, s_churn=0.0)

    def raises(self, sigma: float) -> bool:
        """Between `s_tmin` and `s_tmax`."""
        return self.churn > 0 and self.s_tmin <= sigma <= self.s_tmax

    def table(self, points: Points, eta: Numbers) -> Table:
        """Three rows per step: churn, predictor, corrector, eq. (21)."""
        table = Table.zeros(points, rows=3, lags=3, sources=1)
        sigma_0, sigma_1 = points.sigma[..., :-1], points.sigma[..., 1:]
        hat = sigma_0 * (1 + self.gammas(sigma_0, points.steps))
        alpha_h, level_h = points.process.levels(hat, points.process.time(hat))
        table.put_node(0, alpha_h, level_h)
        table.state[..., 0, 0] = alpha_h / points.alpha_0
        table.noise[..., 0, 0] = alpha_h * self.s_noise * _root(hat**2 - sigma_0**2)
        decay = points.noise_1 / level_h
        table.state[..., 1, 0] = decay
        table.denoised[..., 1, 0] = points.alpha_1 - alpha_h * decay
        _heun(table, points, alpha_h, hat, sigma_1)
        return table

    def gammas(self, sigma: Numbers, steps: int) -> Numbers:
        """gamma of steps from these noise ratios."""
        wish = np.asarray(self.s_churn / steps)
        gamma = np.where(wish.real < np.sqrt(2) - 1, wish, np.sqrt(2) - 1)
        return np.where((sigma.real >= self.s_tmin) & (sigma.real <= self.s_tmax), gamma, 0)


def _heun(table: Table, points: Points, alpha_h: Numbers, hat: Numbers, sigma_1: Numbers) -> None:
    """x' = x_hat + (sigma' - sigma_hat)(d + d')/2 with d = (x_hat - D)/sigma_hat, d' = (y - D(y))/sigma'."""
    zero = np.asarray(sigma_1.real == 0)
    half = (sigma_1 - hat) / 2
    slope = half / np.where(zero, 1, sigma_1)
    table.state[..., 2, 1] = np.where(zero, 0, (1 + half / hat) * points.alpha_1 / alpha_h)
    table.denoised[..., 2, 1] = np.where(zero, 0, -half / hat * points.alpha_1)
    table.state[..., 2, 0] = np.where(zero, 1, slope)
    table.denoised[..., 2, 0] = np.where(zero, 0, -slope * points.alpha_1)


def _root(square: Numbers) -> Numbers:
    """Square root that is 0, with zero derivative, where there is no churn."""
    positive = np.asarray(square.real > 0)
    return np.where(positive, np.sqrt(np.where(positive, square, 1)), 0)
