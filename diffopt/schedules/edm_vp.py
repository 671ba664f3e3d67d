"""EDM's `vp` grid, fitted to the range."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule

#: Smallest time of the grid.
EPS = 1e-3


class EDMVP(Schedule):
    """Linear time of a variance-preserving process whose two rates are fitted to the range.

    sigma = sqrt(exp(bd t^2/2 + bm t) - 1), t linear from 1 to 1e-3, with bd and bm such that the ends
    are smax and smin: bd = 2 (log(1+smin^2)/eps - log(1+smax^2))/(eps - 1), bm = log(1+smax^2) - bd/2.
    Reference: Karras et al. (2022), arXiv:2206.00364, table 1; EDM, ablation_sampler(discretization="vp").
    """

    name = "edm_vp"
    reference = "Karras et al. 2022, arXiv:2206.00364, table 1 (VP), rates fitted to the range"
    formula = "sqrt(exp(bd t^2/2 + bm t) - 1), t from 1 to 1e-3, (bd, bm) from (smax, smin)"

    def levels(self, request: Request) -> Array:
        """Equally spaced times."""
        high, low = request.finite(self.name)
        top, bottom = np.log1p(high**2), np.log1p(low**2)
        bd = 2 * (bottom / EPS - top) / (EPS - 1)
        bm = top - bd / 2
        t = 1 + request.ramp() * (EPS - 1)
        levels = np.sqrt(np.expm1(bd * t**2 / 2 + bm * t))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)
