"""The tangent law with the constant that is best for the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.foundation.scalar import minimize_scalar
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.fixed.curves import KLOptimal
from diffopt.schedules.spectral.density import spectrum_of


class TangentKL(Schedule):
    """The tangent law with the constant c that is best in the KL divergence of DDIM on this spectrum.

    As `tangent_w2`, with KL(target || output) = 1/2 sum (t/v - 1 - log t/v) over directions with a
    positive target variance.
    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1 (law); choice of c derived here.
    """

    name = "tangent_kl"
    kind = "spectrum"
    status = "derived"
    slow = True
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1 (law); choice of c derived here"
    formula = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c minimizes KL of DDIM"

    def levels(self, span: Span) -> Array:
        """One-dimensional search."""
        return best_tangent(span, self.name, divergence)


def divergence(variance: Array, target: Array, weight: Array) -> float:
    """KL of the directions with data."""
    keep = target > 0
    ratio = target[keep] / variance[keep]
    return float((ratio - 1 - np.log(ratio)) @ weight[keep]) / 2


class TangentMomentKL(Schedule):
    """The tangent law with the constant that is best in KL for many steps and an unlimited range.

    The log-variance error is -(pi^2/8N)(r + 1/r), r = c/sqrt(eig); minimizing sum (r + 1/r)^2 gives
    c^4 = sum eig/sum(1/eig), with eig + smin^2 in the inverse, the variance where the grid ends: else the
    smallest directions alone would rule.
    Reference: derived here; same law as Sun, Poor, Zhang 2026, arXiv:2601.13602, whose coefficient was not readable.
    """

    name = "tangent_moment_kl"
    kind = "spectrum"
    status = "derived"
    reference = "derived here; law as in Sun, Poor, Zhang 2026, arXiv:2601.13602 (coefficient not readable)"
    formula = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c^4 = sum eig / sum 1/(eig + smin^2)"

    def levels(self, span: Span) -> Array:
        """The law with this constant."""
        s, (_, low) = spectrum_of(span, self.name), span.finite(self.name)
        inverse = s.weight @ (1 / (s.eig + low**2))
        return KLOptimal(float((s.trace / inverse) ** 0.25)).levels(span)


class TangentMomentW2(Schedule):
    """The tangent law with the constant that is best in W2 for many steps and an unlimited range.

    The log-variance error is -(pi^2/8N)(r + 1/r), r = c/sqrt(eig); minimizing sum eig (r + 1/r)^2 gives
    c^4 = mean eig^2. Fails where the range does not cover all eigenvalues.
    Reference: derived here; same law as Sun, Poor, Zhang 2026, arXiv:2601.13602, whose coefficient was not readable.
    """

    name = "tangent_moment_w2"
    kind = "spectrum"
    status = "derived"
    reference = "derived here; law as in Sun, Poor, Zhang 2026, arXiv:2601.13602 (coefficient not readable)"
    formula = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c^4 = mean eig^2"

    def levels(self, span: Span) -> Array:
        """The law with this constant."""
        s = spectrum_of(span, self.name)
        return KLOptimal(float((s.weight @ s.eig**2 / s.dim) ** 0.25)).levels(span)


#: (sampler variance, target variance, weight) -> error, smaller is better.
PathLoss = Callable[[Array, Array, Array], float]


def best_tangent(span: Span, name: str, loss: PathLoss) -> Array:
    """Levels c tan(...) with the c that minimizes the loss of DDIM from the exact start.

    DDIM multiplies a coordinate by (eig + s s')/(eig + s^2) per step; the target is the marginal at
    the last grid point. Golden section around the best of 49 values of log c.
    """
    spectrum, (high, low) = spectrum_of(span, name), span.finite(name)

    def levels(log_c: float) -> Array:
        return KLOptimal(float(np.exp(log_c))).levels(span)

    def error(log_c: float) -> float:
        return loss(*ddim_variance(levels(log_c), span, spectrum), spectrum.weight)

    trial = np.linspace(np.log(low), np.log(high), 49)
    j = int(np.argmin([error(x) for x in trial]))
    ends = float(trial[max(j - 1, 0)]), float(trial[min(j + 1, trial.size - 1)])
    return levels(minimize_scalar(error, *ends, 1e-6)[0])


def ddim_variance(levels: Array, span: Span, spectrum: Spectrum) -> tuple[Array, Array]:
    """Variance of DDIM's output and of its target, shape (n,) each."""
    sigma = np.append(levels, 0.0) if span.levels == span.steps else levels
    factor = (spectrum.eig + (sigma[:-1] * sigma[1:])[:, None]) / (spectrum.eig + sigma[:-1, None] ** 2)
    variance = (spectrum.eig + sigma[0] ** 2) * np.prod(factor**2, axis=0)
    return variance, spectrum.eig + sigma[-1] ** 2


class TangentW2(Schedule):
    """The tangent law with the constant c that is best in the 2-Wasserstein distance of DDIM on this spectrum.

    For one eigenvalue c^2 this is the exact optimum at every N; for a spectrum it is the best member
    of the family, found by a one-dimensional search over the exact error.
    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1 (law); choice of c derived here.
    """

    name = "tangent_w2"
    kind = "spectrum"
    status = "derived"
    slow = True
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1 (law); choice of c derived here"
    formula = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c minimizes W2 of DDIM"

    def levels(self, span: Span) -> Array:
        """One-dimensional search."""
        return best_tangent(span, self.name, lambda v, t, w: float((np.sqrt(v) - np.sqrt(t)) ** 2 @ w))
