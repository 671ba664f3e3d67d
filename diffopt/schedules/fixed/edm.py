"""EDM's grids of other models: `vp`, fitted to the range, and improved DDPM's."""

from __future__ import annotations

from functools import cache

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule

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

    def levels(self, span: Span) -> Array:
        """Equally spaced times."""
        high, low = span.finite(self.name)
        top, bottom = np.log1p(high**2), np.log1p(low**2)
        bd = 2 * (bottom / EPS - top) / (EPS - 1)
        bm = top - bd / 2
        t = 1 + span.ramp() * (EPS - 1)
        # A range that ends far above the published one asks for levels beyond any number: no valid grid.
        with np.errstate(over="ignore"):
            levels = np.sqrt(np.expm1(bd * t**2 / 2 + bm * t))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)


#: Constants C1, C2 and length M of the recursion.
C1, C2, M = 0.001, 0.008, 1000


class EDMIDDPM(Schedule):
    """The levels of improved DDPM's cosine model, picked by index as EDM does.

    u_M = 0, u_{j-1} = sqrt((u_j^2 + 1)/max(a_{j-1}/a_j, C1) - 1), a_j = sin^2(pi j/(2 M (1 + C2)));
    the u inside the range are taken at equally spaced, rounded indices. Ends pinned to the range.
    Reference: Karras et al. (2022), arXiv:2206.00364, table 1 and app. C.3.
    """

    name = "edm_iddpm"
    reference = "Karras et al. 2022, arXiv:2206.00364, table 1 (iDDPM)"
    formula = "u_{j-1} = sqrt((u_j^2+1)/max(a_{j-1}/a_j, 0.001) - 1), a_j = sin^2(pi j/(2016)), index-uniform"

    def levels(self, span: Span) -> Array:
        """Entries of the recursion at equally spaced indices."""
        high, low = span.finite(self.name)
        u = recursion()
        inside = np.array([v for v in reversed(u) if low <= v <= high])
        if not inside.size:
            raise UnsupportedError(
                f"schedule 'edm_iddpm' has no level between sigma-min {low:g} and sigma-max {high:g} "
                f"(its own run from {u[1]:.3g} to {u[-1]:.3g}); try karras"
            )
        levels = inside[np.round((inside.size - 1) * span.ramp()).astype(int)]
        levels[0], levels[-1] = high, low
        return np.asarray(levels)


@cache
def recursion() -> tuple[float, ...]:
    """u_M = 0, ..., u_0 of improved DDPM."""
    a = np.sin(np.pi / 2 * np.arange(M + 1) / (M * (1 + C2))) ** 2
    u = [0.0]
    for j in range(M, 0, -1):
        u.append(float(np.sqrt((u[-1] ** 2 + 1) / max(a[j - 1] / a[j], C1) - 1)))
    return tuple(u)
