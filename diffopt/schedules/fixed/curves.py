"""Closed curves of a noise ratio over the steps: cosine, sigmoid, Laplace, the tangent law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit, logit

from diffopt.foundation.arrays import Array
from diffopt.processes import VPCosine
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule


class Cosine(Schedule):
    """Equal steps in the time of the cosine noise schedule; without its offset it is `kl_optimal`.

    alpha = cos(a(t))/cos(a(0)), a(t) = (pi/2)(t + s)/(1 + s), s = 0.008; for s = 0, sigma = tan(pi t/2).
    Reference: Nichol and Dhariwal (2021), arXiv:2102.09672, eq. 17.
    """

    name = "cosine"
    reference = "Nichol, Dhariwal 2021, arXiv:2102.09672, eq. 17"
    formula = "alpha = cos(pi (t+s)/(2+2s)) / cos(pi s/(2+2s)), s = 0.008, t linear"

    def levels(self, span: Span) -> Array:
        """Equally spaced times."""
        high, low = span.finite(self.name)
        process = VPCosine()
        t = process.time(np.array([high, low]))
        levels = np.asarray(process.sigma(t[0] + span.ramp() * (t[1] - t[0])), dtype=np.float64)
        levels[0], levels[-1] = high, low
        return levels


@dataclass(frozen=True)
class Laplace(Schedule):
    """Quantiles of a Laplace law of log sigma around mu: dense at sigma = 1, sparse in both tails.

    log sigma = mu - b sign(1/2 - u) log(1 - 2 |1/2 - u| + 1e-5), clamped to the range; (mu, b) = (0, 0.5).
    Here the ends are pinned to the range.
    Reference: Hang et al. (2024), arXiv:2407.03297; ComfyUI, get_sigmas_laplace.
    """

    name: ClassVar[str] = "laplace"
    reference: ClassVar[str] = "Hang et al. 2024, arXiv:2407.03297; ComfyUI, get_sigmas_laplace"
    formula: ClassVar[str] = "exp(mu - b sign(1/2-u) log(1 - 2|1/2-u| + 1e-5)), mu = 0, b = 0.5"
    family: ClassVar[tuple[str, ...]] = ("mu", "b")
    ranges: ClassVar[dict[str, tuple[float, float, bool]]] = {"mu": (-10.0, 10.0, True)}
    mu: float = 0.0
    b: float = 0.5

    def levels(self, span: Span) -> Array:
        """Quantiles, clamped."""
        high, low = span.finite(self.name)
        centred = 0.5 - span.ramp()
        log_sigma = self.mu - self.b * np.sign(centred) * np.log(1 - 2 * np.abs(centred) + 1e-5)
        levels = np.clip(np.exp(log_sigma), low, high)
        levels[0], levels[-1] = high, low
        return np.asarray(levels)


#: Start and end of the logistic curve.
START, END = -3.0, 3.0


class Sigmoid(Schedule):
    """Equal steps in the time of the sigmoid noise schedule, logistic in the squared signal scale.

    alpha^2 = (S(b) - S(a + t(b - a)))/(S(b) - S(a)), S logistic, (a, b) = (-3, 3), temperature 1.
    Reference: Chen (2023), arXiv:2301.10972, sec. 3.1 and its listing (defaults).
    """

    name = "sigmoid"
    reference = "Chen 2023, arXiv:2301.10972; Jabri et al. 2023, arXiv:2212.11972 (start -3, end 3, tau 1)"
    formula = "alpha^2 = (S(3) - S(6t-3)) / (S(3) - S(-3)), S logistic, t linear"

    def levels(self, span: Span) -> Array:
        """Equally spaced times, found by the logistic's inverse."""
        high, low = span.finite(self.name)
        top, drop = expit(END), expit(END) - expit(START)
        square = 1 / (1 + np.array([high, low]) ** 2)
        x = logit(top - square * drop)
        noise = (expit(x[0] + span.ramp() * (x[1] - x[0])) - expit(START)) / drop
        levels = np.sqrt(noise / (1 - noise))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)


#: Discrete rates of the published model and its number of levels.
LOW, HIGH, LEVELS = 1e-4, 0.02, 1000


class SigmoidBeta(Schedule):
    """Equal steps in the time of a model whose noise rate is a logistic curve (the continuous limit).

    beta(t) = 1000 (1e-4 + 0.0199 S(12 t - 6)), sigma^2 = exp(integral of beta) - 1, S logistic.
    Reference: GeoDiff (Xu et al. 2022), arXiv:2203.02923; diffusers, beta_schedule="sigmoid".
    """

    name = "sigmoid_beta"
    reference = 'diffusers, beta_schedule="sigmoid" (GeoDiff); continuous limit'
    formula = "log(1 + sigma^2) = 0.1 t + (19.9/12) (log(1+e^(12t-6)) - log(1+e^-6)), t linear"

    def levels(self, span: Span) -> Array:
        """Equally spaced times, found by interpolation of the increasing integral."""
        high, low = span.finite(self.name)
        node = np.linspace(0.0, 4.0, 40_001)
        total = LEVELS * (LOW * node + (HIGH - LOW) / 12 * (_softplus(12 * node - 6) - _softplus(-6.0)))
        t = np.interp(np.log1p(np.array([high, low]) ** 2), total, node)
        at = np.interp(t[0] + span.ramp() * (t[1] - t[0]), node, total)
        levels = np.sqrt(np.expm1(at))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)


def _softplus(x: Array | float) -> Array:
    return np.logaddexp(0.0, x)


@dataclass(frozen=True)
class KLOptimal(Schedule):
    """Uniform in arctan(sigma/c): optimal for one eigenvalue c^2 (theory.md, eq. 38); c = 1.

    sigma_i = c tan((1 - u) arctan(smax/c) + u arctan(smin/c)).
    Reference: Sabour, Fidler, Kreis (2024), arXiv:2404.14507, theorem 3.1; ComfyUI's kl_optimal.
    """

    name: ClassVar[str] = "kl_optimal"
    reference: ClassVar[str] = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, thm. 3.1"
    formula: ClassVar[str] = "c tan((1-u) arctan(smax/c) + u arctan(smin/c)), c = 1"
    analytic: ClassVar[bool] = True
    family: ClassVar[tuple[str, ...]] = ("c",)
    c: float = 1.0

    def levels(self, span: Span) -> Array:
        """Equally spaced angles."""
        ends = np.arctan(np.array([span.sigma_max, span.sigma_min]) / self.c)
        levels: Array = self.c * np.tan(ends[0] + span.ramp() * (ends[1] - ends[0]))
        levels[0], levels[-1] = span.sigma_max, span.sigma_min
        return levels
