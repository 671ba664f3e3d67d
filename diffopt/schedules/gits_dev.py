"""GITS with the deviation cost."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.gits_l2 import COEFFICIENT, POINTS
from diffopt.schedules.program import cheapest
from diffopt.schedules.trajectory import Teacher


class GITSDev(Schedule):
    """GITS: a dynamic program over how far Euler steps leave the chord of the trajectory, signed.

    cost(i, j) = dist(Euler_ij) - dist(x_j), dist the distance from the line through the first and the
    last teacher point, x_j = sqrt(V_j); later costs times 1.15 per jump. Blind to isotropic data.
    Reference: Chen et al. 2024, arXiv:2405.11326 and its code (metric dev); Gaussian cost derived here.
    """

    name = "gits_dev"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    slow = True
    reference = "Chen et al. 2024, arXiv:2405.11326 and its code (metric dev); Gaussian cost derived here"
    most = 200
    formula = "W_k(i) = min_j dist(Euler_ij) - dist(x_j) + 1.15 W_{k-1}(j), dist from the chord x_0 x_T"

    def levels(self, request: Request) -> Array:
        """Cheapest path through the teacher's points."""
        t = Teacher.of(request, self.name, POINTS)
        a, b = t.euler(t.root)
        s, w, end = t.sigma, t.spectrum.weight, t.root[-1]
        chord = t.root[0] - end
        chord = chord / np.sqrt(chord**2 @ w)

        def distance(x: Array) -> Array:
            apart = x - end
            along = (apart * chord) @ w
            return np.asarray(np.sqrt((apart - along[:, None] * chord) ** 2 @ w))

        teacher = distance(t.root)
        cost = np.array([distance(a[i] + s[:, None] * b[i]) - teacher for i in range(s.size)])
        return s[cheapest(cost, request.levels - 1, COEFFICIENT)]
