"""GITS with the Euclidean cost."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.program import cheapest
from diffopt.schedules.trajectory import Teacher

#: Points of the teacher and discount of later errors, as published.
POINTS, COEFFICIENT = 61, 1.15


class GITSL2(Schedule):
    """GITS: a dynamic program over the local Euler error from a 61-point teacher, Euclidean cost.

    cost(i, j) = sqrt(sum ((eig + s_i s_j)/sqrt(V_i) - sqrt(V_j))^2), later costs times 1.15 per jump.
    Reference: Chen et al. 2024, arXiv:2405.11326 (program and metric read); Gaussian cost derived here.
    """

    name = "gits_l2"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    slow = True
    reference = "Chen et al. 2024, arXiv:2405.11326 (program read, metric l2); Gaussian cost derived here"
    most = 200
    formula = "W_k(i) = min_j |Euler_ij - x_j| + 1.15 W_{k-1}(j)"

    def levels(self, request: Request) -> Array:
        """Cheapest path through the teacher's points."""
        t = Teacher.of(request, self.name, POINTS)
        a, b = t.euler(t.root)
        s = t.sigma
        # |a_i + s_j b_i - x_j|^2 = eig (s_i - s_j)^2 (...) cancels badly when expanded: direct differences.
        cost = [np.sqrt((a[i] + s[:, None] * b[i] - t.root) ** 2 @ t.spectrum.weight) for i in range(s.size)]
        return s[cheapest(np.array(cost), request.levels - 1, COEFFICIENT)]
