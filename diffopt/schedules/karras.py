"""The EDM ramp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from diffopt.schedules.base import Array, Request, Schedule


@dataclass(frozen=True)
class Karras(Schedule):
    """Linear in sigma^(1/rho).

    sigma_i = (smax^(1/rho) + u (smin^(1/rho) - smax^(1/rho)))^rho. rho = 7 by default.
    Reference: Karras et al. (2022), arXiv:2206.00364, eq. 5.
    """

    name: ClassVar[str] = "karras"
    reference: ClassVar[str] = "Karras et al. 2022, arXiv:2206.00364, eq. 5"
    formula: ClassVar[str] = "(smax^(1/rho) + u (smin^(1/rho) - smax^(1/rho)))^rho"
    family: ClassVar[tuple[str, ...]] = ("rho",)
    rho: float = 7.0

    def levels(self, request: Request) -> Array:
        """The ramp."""
        high, low = request.finite(self.name)
        a, b = high ** (1 / self.rho), low ** (1 / self.rho)
        levels: Array = (a + request.ramp() * (b - a)) ** self.rho
        levels[0], levels[-1] = high, low
        return levels
