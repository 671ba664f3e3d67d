"""k-diffusion's ramps over the range: Karras, exponential and powers of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule


@dataclass(frozen=True)
class Karras(Schedule):
    """Linear in sigma^(1/rho).

    sigma_i = (smax^(1/rho) + u (smin^(1/rho) - smax^(1/rho)))^rho. rho = 7 by default.
    Reference: Karras et al. (2022), arXiv:2206.00364, eq. 5.
    """

    name: ClassVar[str] = "karras"
    reference: ClassVar[str] = "Karras et al. 2022, arXiv:2206.00364, eq. 5"
    formula: ClassVar[str] = "(smax^(1/rho) + u (smin^(1/rho) - smax^(1/rho)))^rho"
    analytic: ClassVar[bool] = True
    family: ClassVar[tuple[str, ...]] = ("rho",)
    rho: float = 7.0

    def levels(self, span: Span) -> Array:
        """The ramp."""
        high, low = span.finite(self.name)
        a, b = high ** (1 / self.rho), low ** (1 / self.rho)
        levels: Array = (a + span.ramp() * (b - a)) ** self.rho
        levels[0], levels[-1] = high, low
        return levels


class Exponential(Schedule):
    """Geometric levels: uniform log-SNR, also EDM's `ve` grid.

    sigma_i = smax (smin/smax)^u.
    Reference: k-diffusion, get_sigmas_exponential; Lu et al. (2022), arXiv:2206.00927, sec. 3.3.
    """

    name = "exponential"
    reference = "k-diffusion, get_sigmas_exponential"
    formula = "smax (smin/smax)^u"
    analytic = True

    def levels(self, span: Span) -> Array:
        """Geometric sequence."""
        high, low = span.finite(self.name)
        levels: Array = high * (low / high) ** span.ramp()
        levels[-1] = low
        return levels


@dataclass(frozen=True)
class Polyexponential(Schedule):
    """A power of the ramp in log sigma; rho = 1, the host's default, is `exponential`.

    log sigma = log smin + (1 - u)^rho log(smax/smin).
    Reference: k-diffusion, get_sigmas_polyexponential.
    """

    name: ClassVar[str] = "polyexponential"
    reference: ClassVar[str] = "k-diffusion, get_sigmas_polyexponential"
    formula: ClassVar[str] = "smin (smax/smin)^((1-u)^rho), rho = 1"
    analytic: ClassVar[bool] = True
    family: ClassVar[tuple[str, ...]] = ("rho",)
    rho: float = 1.0

    def levels(self, span: Span) -> Array:
        """The ramp's power in log sigma."""
        high, low = span.finite(self.name)
        # The last ramp value is 0, whose power has no derivative: it is pinned instead.
        power = np.append((1 - span.ramp()[:-1]) ** self.rho, 0.0)
        return np.asarray(low * (high / low) ** power)
