"""Optimal Stepsize's dynamic program."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.spectral.teacher import Teacher

#: Points of the teacher: 200 steps.
POINTS = 201


class OptimalStepsize(Schedule):
    """Optimal Stepsize: the Euler student whose states stay closest to a 200-step teacher.

    After k steps, for every teacher point j, the student keeps the source i whose Euler step ends
    nearest to sqrt(V_j); its error at the end is exactly the 2-Wasserstein distance of Euler (DDIM).
    The state kept is greedy, so this need not be the true optimum.
    Reference: Pei, Hu, Gu 2025, arXiv:2503.21774, and its code; Gaussian form derived here.
    """

    name = "oss"
    kind = "spectrum"
    status = "derived"
    slow = True
    reference = "Pei, Hu, Gu 2025, arXiv:2503.21774 and its code; Gaussian form derived here"
    most = 200
    formula = "z_{k+1}(j) = Euler_ij z_k(i) with i = argmin |Euler_ij z_k(i) - sqrt(V_j)|"

    def levels(self, span: Span) -> Array:
        """Forward pass over all targets, then back from the end."""
        t = Teacher.of(span, self.name, POINTS)
        state, choices = np.where(np.arange(t.sigma.size)[:, None] == 0, t.root, np.inf), []
        for _ in range(span.levels - 1):
            state, choice = advance(t, state)
            choices.append(choice)
        path = [t.sigma.size - 1]
        for choice in reversed(choices):
            path.append(int(choice[path[-1]]))
        return t.sigma[path[::-1]]


def advance(t: Teacher, state: Array) -> tuple[Array, Array]:
    """One student step to every teacher point: states, shape (T, n), infinite where unreached; sources."""
    reached = np.isfinite(state[:, 0])
    a, b = t.euler(np.where(reached[:, None], state, 0.0))
    s, w = t.sigma, t.spectrum.weight
    cross = t.inner(a, t.root) + s * t.inner(b, t.root)
    square = (a**2 @ w)[:, None] + 2 * s * ((a * b) @ w)[:, None] + s**2 * (b**2 @ w)[:, None]
    distance = square - 2 * cross
    distance[~reached] = np.inf
    distance[np.tri(s.size, dtype=bool)] = np.inf
    choice = np.argmin(distance, axis=0)
    new = a[choice] + s[:, None] * b[choice]
    unreached = ~np.isfinite(np.min(distance, axis=0))
    new[unreached] = np.inf
    return new, choice
