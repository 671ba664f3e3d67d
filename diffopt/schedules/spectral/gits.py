"""GITS, with the Euclidean cost and with that of the deviation from the chord."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.spectral.program import cheapest
from diffopt.schedules.spectral.teacher import Teacher

#: Points of the teacher and discount of later errors, as published.
POINTS, COEFFICIENT = 61, 1.15


class GITSL2(Schedule):
    """GITS: a dynamic program over the local Euler error from a 61-point teacher, Euclidean cost.

    cost(i, j) = sqrt(sum ((eig + s_i s_j)/sqrt(V_i) - sqrt(V_j))^2), later costs times 1.15 per jump.
    Reference: Chen et al. 2024, arXiv:2405.11326 (program and metric read); Gaussian cost derived here.
    """

    name = "gits_l2"
    kind = "spectrum"
    status = "derived"
    slow = True
    reference = "Chen et al. 2024, arXiv:2405.11326 (program read, metric l2); Gaussian cost derived here"
    most = 200
    formula = "W_k(i) = min_j |Euler_ij - x_j| + 1.15 W_{k-1}(j)"

    def levels(self, span: Span) -> Array:
        """Cheapest path through the teacher's points."""
        t = Teacher.of(span, self.name, POINTS)
        a, b = t.euler(t.root)
        s = t.sigma
        # |a_i + s_j b_i - x_j|^2 = eig (s_i - s_j)^2 (...) cancels badly when expanded: direct differences.
        cost = [np.sqrt((a[i] + s[:, None] * b[i] - t.root) ** 2 @ t.spectrum.weight) for i in range(s.size)]
        return s[cheapest(np.array(cost), span.levels - 1, COEFFICIENT)]


class GITSDev(Schedule):
    """GITS: a dynamic program over how far Euler steps leave the chord of the trajectory, signed.

    cost(i, j) = dist(Euler_ij) - dist(x_j), dist the distance from the line through the first and the
    last teacher point, x_j = sqrt(V_j); later costs times 1.15 per jump. Blind to isotropic data.
    Reference: Chen et al. 2024, arXiv:2405.11326 and its code (metric dev); Gaussian cost derived here.
    """

    name = "gits_dev"
    kind = "spectrum"
    status = "derived"
    slow = True
    reference = "Chen et al. 2024, arXiv:2405.11326 and its code (metric dev); Gaussian cost derived here"
    most = 200
    formula = "W_k(i) = min_j dist(Euler_ij) - dist(x_j) + 1.15 W_{k-1}(j), dist from the chord x_0 x_T"

    def levels(self, span: Span) -> Array:
        """Cheapest path through the teacher's points."""
        t = Teacher.of(span, self.name, POINTS)
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
        return s[cheapest(cost, span.levels - 1, COEFFICIENT)]
