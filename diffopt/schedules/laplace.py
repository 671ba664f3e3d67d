"""ComfyUI's Laplace schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule


@dataclass(frozen=True)
class Laplace(Schedule):
    """Quantiles of a Laplace law of log sigma around mu: dense at sigma = 1, sparse in both tails.

    log sigma = mu - b sign(1/2 - u) log(1 - 2 |1/2 - u| + 1e-5), clamped to the range; (mu, b) = (0, 0.5).
    Here the ends are pinned to the range.
    Reference: Hang et al. (2024), arXiv:2407.03297; ComfyUI, get_sigmas_laplace.
    """

    name: ClassVar[str] = "laplace"
    reference: ClassVar[str] = "Hang et al. 2024, arXiv:2407.03297; ComfyUI, get_sigmas_laplace"
    formula: ClassVar[str] = "exp(mu - b sign(1/2-u) log(1 - 2|1/2-u| + 1e-5)), mu = 0, b = 0.5"
    mu: float = 0.0
    b: float = 0.5

    def levels(self, request: Request) -> Array:
        """Quantiles, clamped."""
        high, low = request.finite(self.name)
        centred = 0.5 - request.ramp()
        log_sigma = self.mu - self.b * np.sign(centred) * np.log(1 - 2 * np.abs(centred) + 1e-5)
        levels = np.clip(np.exp(log_sigma), low, high)
        levels[0], levels[-1] = high, low
        return np.asarray(levels)
