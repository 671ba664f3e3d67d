"""EDM's `iddpm` grid."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule

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

    def levels(self, request: Request) -> Array:
        """Entries of the recursion at equally spaced indices."""
        high, low = request.finite(self.name)
        a = np.sin(np.pi / 2 * np.arange(M + 1) / (M * (1 + C2))) ** 2
        u = [0.0]
        for j in range(M, 0, -1):
            u.append(float(np.sqrt((u[-1] ** 2 + 1) / max(a[j - 1] / a[j], C1) - 1)))
        inside = np.array([v for v in reversed(u) if low <= v <= high])
        levels = inside[np.round((inside.size - 1) * request.ramp()).astype(int)]
        levels[0], levels[-1] = high, low
        return np.asarray(levels)
