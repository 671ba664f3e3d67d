"""k-diffusion's polyexponential ramp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule


@dataclass(frozen=True)
class Polyexponential(Schedule):
    """A power of the ramp in log sigma; rho = 1, the host's default, is `exponential`.

    log sigma = log smin + (1 - u)^rho log(smax/smin).
    Reference: k-diffusion, get_sigmas_polyexponential.
    """

    name: ClassVar[str] = "polyexponential"
    reference: ClassVar[str] = "k-diffusion, get_sigmas_polyexponential"
    formula: ClassVar[str] = "smin (smax/smin)^((1-u)^rho), rho = 1"
    family: ClassVar[tuple[str, ...]] = ("rho",)
    rho: float = 1.0

    def levels(self, request: Request) -> Array:
        """The ramp's power in log sigma."""
        high, low = request.finite(self.name)
        # The last ramp value is 0, whose power has no derivative: it is pinned instead.
        power = np.append((1 - request.ramp()[:-1]) ** self.rho, 0.0)
        return np.asarray(low * (high / low) ** power)
