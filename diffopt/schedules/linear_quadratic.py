"""ComfyUI's and Mochi's linear_quadratic."""

from __future__ import annotations

import numpy as np

from diffopt.processes import Flow
from diffopt.schedules.base import Array, Request, Schedule

#: Share of the range that the linear half covers.
THRESHOLD = 0.025


class LinearQuadratic(Schedule):
    """Half of the steps linear over the first 2.5 % of the range, then a parabola matched in value and slope.

    With n1 = N // 2, n2 = N - n1, d = n1 - 0.025 N: v_i = 0.025 i/n1 for i < n1, else q i^2 + l i + q n1^2,
    q = d/(n1 n2^2), l = 0.025/n1 - 2 d/n2^2; sigma = smax (1 - v), in the flow time for `flow`.
    Reference: Genmo, Mochi 1; ComfyUI, linear_quadratic_schedule; diffusers, pipeline_mochi.
    """

    name = "linear_quadratic"
    reference = "Genmo Mochi 1; ComfyUI, linear_quadratic_schedule"
    formula = "smax (1 - v_i), v linear to 0.025 in N/2 steps, then quadratic to 1"

    def levels(self, request: Request) -> Array:
        """v_0 .. v_{N-1}, with sigma_min in the place of 0 where the grid ends there."""
        n = request.steps
        n1, i = n // 2, np.arange(n)
        if n1 == 0:
            v = np.zeros(1)
        else:
            d, n2 = n1 - THRESHOLD * n, n - n1
            q = d / (n1 * n2**2)
            slope = THRESHOLD / n1 - 2 * d / n2**2
            v = np.where(i < n1, THRESHOLD * i / n1, q * i**2 + slope * i + q * n1**2)
        return _from_share(1 - v, request)


def _from_share(share: Array, request: Request) -> Array:
    high, low = request.sigma_max, request.sigma_min
    if isinstance(request.process, Flow):
        top = 1.0 if np.isinf(high) else high / (1 + high)
        with np.errstate(divide="ignore"):
            levels = np.asarray(top * share / (1 - top * share))
    elif np.isinf(high):
        levels = np.full_like(share, np.inf)
    else:
        levels = high * share
    levels[0] = high
    return np.append(levels, low) if request.levels > request.steps else levels
