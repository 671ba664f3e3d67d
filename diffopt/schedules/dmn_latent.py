"""DM-NonUniform for latent models."""

from __future__ import annotations

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.nonuniform import improved
from diffopt.schedules.vp import UniformVP


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

    def levels(self, request: Request) -> Array:
        """Local minimum."""
        ends = request.finite(self.name)
        start = UniformVP().levels(request)
        levels = improved(start, 2.0) if start.size > 2 else start
        levels[0], levels[-1] = ends
        return levels
