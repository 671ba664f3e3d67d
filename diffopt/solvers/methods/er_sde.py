"""ER-SDE-Solver of order 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.foundation.names import check_name
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.table import Table

#: Noise scalers phi(x) of the paper by name.
SCALERS: dict[str, Callable[[Numbers], Numbers]] = {
    "default": lambda x: x * (np.exp(x**0.3) + 10),
    "ode": lambda x: x,
    "sde": lambda x: x**2,
    "power_1.5": lambda x: x**1.5,
    "power_2.5": lambda x: x**2.5,
    "log": lambda x: x**0.9 * np.log10(1 + 100 * x**1.5),
}

#: Scalers whose phi(x)/x stays finite as x grows, with the limit; for the others it grows without bound.
GROWTH = {"ode": 1.0, "log": 0.0}


@dataclass(frozen=True)
class ERSDE(Solver):
    """Extended reverse-time SDE solver of order 1 with the noise scaler phi.

    x' = D + (u/sigma)(x - D) + sqrt(sigma'^2 - u^2) xi, u = sigma phi(sigma')/phi(sigma).
    phi(x) = x is DDIM, x^2 the usual reverse SDE; the default is x (exp(x^0.3) + 10).
    Reference: Cui et al. (2023), arXiv:2309.06169, alg. 1; ComfyUI, sample_er_sde.
    """

    name: ClassVar[str] = "er_sde"
    law_order: ClassVar[int] = 1
    reference: ClassVar[str] = "Cui et al. 2023, arXiv:2309.06169 (order 1); ComfyUI, sample_er_sde"

    scale_free: ClassVar[bool] = False

    phi: str = "default"

    def __post_init__(self) -> None:
        check_name(self.phi, SCALERS, "phi")

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step."""
        table = Table.zeros(points, sources=1)
        share = self._share(points) * points.alpha_1 / points.alpha_0
        down = np.where(points.unbounded, self._from_noise(points), share)
        table.state[..., 0, 0] = down
        table.denoised[..., 0, 0] = points.alpha_1 - points.alpha_0 * down
        left = points.noise_1**2 - (points.noise_0 * down) ** 2
        some = np.asarray(left.real > 1e-14 * points.noise_1.real**2)
        table.noise[..., 0, 0] = np.where(some, np.sqrt(np.where(some, left, 1)), 0)
        return table

    def _from_noise(self, points: Points) -> Numbers:
        """Limit of noise_1 (phi(sigma')/sigma') / (noise_0 phi(sigma)/sigma) where sigma grows; 0 at the data."""
        start = np.isinf(points.sigma[..., :-1].real)
        end = np.where(start, points.sigma[..., 1:], 1)
        growth = GROWTH.get(self.phi, np.inf)
        return np.where(start, points.alpha_1 * SCALERS[self.phi](end) / (points.noise_0 * growth), 0)

    def _share(self, points: Points) -> Numbers:
        """u/sigma = phi(sigma')/phi(sigma), with any finite numbers where a step is unbounded."""
        scaler = SCALERS[self.phi]
        finite = [np.where(points.unbounded, 1, s) for s in (points.sigma[..., 1:], points.sigma[..., :-1])]
        return scaler(finite[0]) / scaler(finite[1])
