"""DM-NonUniform for pixel models."""

from __future__ import annotations

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.exponential import Exponential
from diffopt.schedules.nonuniform import improved


class DMNPixel(Schedule):
    """DM-NonUniform for pixel models: the grid of a third-order multistep solver that amplifies errors least.

    Minimizes sum_i |weight of call i| noise_i/alpha_i over the grid, weights being integrals of e^L
    times Lagrange bases in half-log-SNR L; it does not look at the data. Started from uniform log-SNR;
    the objective is not convex, and the minimum found depends on the start.
    Reference: Xue et al. 2024, arXiv:2402.17376, and its code (p = 1).
    """

    name = "dmn_pixel"
    slow = True
    reference = "Xue et al. 2024, arXiv:2402.17376 and its code (p = 1, start uniform log-SNR)"
    most = 48
    formula = "min over grids of sum_i |w_i| noise_i/alpha_i"

    def levels(self, request: Request) -> Array:
        """Local minimum."""
        ends = request.finite(self.name)
        start = Exponential().levels(request)
        levels = improved(start, 1.0) if start.size > 2 else start
        levels[0], levels[-1] = ends
        return levels
