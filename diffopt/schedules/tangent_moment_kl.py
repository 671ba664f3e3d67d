"""The tangent law with a constant from moments, for the KL divergence."""

from __future__ import annotations

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.density import spectrum_of
from diffopt.schedules.tangent import KLOptimal


class TangentMomentKL(Schedule):
    """The tangent law with the constant that is best in KL for many steps and an unlimited range.

    The log-variance error is -(pi^2/8N)(r + 1/r), r = c/sqrt(eig); minimizing sum (r + 1/r)^2 gives
    c^4 = sum eig/sum(1/eig), with eig + smin^2 in the inverse, the variance where the grid ends: else the
    smallest directions alone would rule.
    Reference: derived here; same law as Sun, Poor, Zhang 2026, arXiv:2601.13602, whose coefficient was not readable.
    """

    name = "tangent_moment_kl"
    kind = "spectrum"
    uses_solver = False
    status = "derived"
    reference = "derived here; law as in Sun, Poor, Zhang 2026, arXiv:2601.13602 (coefficient not readable)"
    formula = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c^4 = sum eig / sum 1/(eig + smin^2)"

    def levels(self, request: Request) -> Array:
        """The law with this constant."""
        s, (_, low) = spectrum_of(request, self.name), request.finite(self.name)
        inverse = s.weight @ (1 / (s.eig + low**2))
        return KLOptimal(float((s.trace / inverse) ** 0.25)).levels(request)
