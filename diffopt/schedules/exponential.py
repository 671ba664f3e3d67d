"""Uniform in log sigma."""

from __future__ import annotations

from diffopt.schedules.base import Array, Request, Schedule


class Exponential(Schedule):
    """Geometric levels: uniform log-SNR, also EDM's `ve` grid.

    sigma_i = smax (smin/smax)^u.
    Reference: k-diffusion, get_sigmas_exponential; Lu et al. (2022), arXiv:2206.00927, sec. 3.3.
    """

    name = "exponential"
    reference = "k-diffusion, get_sigmas_exponential"
    formula = "smax (smin/smax)^u"

    def levels(self, request: Request) -> Array:
        """Geometric sequence."""
        high, low = request.finite(self.name)
        levels: Array = high * (low / high) ** request.ramp()
        levels[-1] = low
        return levels
