"""The tangent law with a constant from moments, for the 2-Wasserstein distance."""

from __future__ import annotations

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.density import spectrum_of
from diffopt.schedules.tangent import KLOptimal


class TangentMomentW2(Schedule):
    """The tangent law with the constant that is best in W2 for many steps and an unlimited range.

    The log-variance error is -(pi^2/8N)(r + 1/r), r = c/sqrt(eig); minimizing sum eig (r + 1/r)^2 gives
    c^4 = mean eig^2. Fails where the range does not cover all eigenvalues.
    Reference: derived here; same law as Sun, Poor, Zhang 2026, arXiv:2601.13602, whose coefficient was not readable.
    """

    name = "tangent_moment_w2"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    reference = "derived here; law as in Sun, Poor, Zhang 2026, arXiv:2601.13602 (coefficient not readable)"
    formula = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c^4 = mean eig^2"

    def levels(self, request: Request) -> Array:
        """The law with this constant."""
        s = spectrum_of(request, self.name)
        return KLOptimal(float((s.weight @ s.eig**2 / s.dim) ** 0.25)).levels(request)
