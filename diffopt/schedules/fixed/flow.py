"""Shifted rectified-flow grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import ndtr, ndtri

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule


@dataclass(frozen=True)
class FlowShift(Schedule):
    """Rectified-flow time equally spaced, then shifted by 3: the grid of Stable Diffusion 3.

    t' = s t/(1 + (s - 1) t), which multiplies sigma = t/(1 - t) by s; t linear over the range that the
    shift maps onto the wanted one.
    Reference: Esser et al. (2024), arXiv:2403.03206, eq. 23 (s = 3).
    """

    name: ClassVar[str] = "flow_shift"
    reference: ClassVar[str] = "Esser et al. 2024, arXiv:2403.03206, eq. 23; diffusers, FlowMatchEuler shift"
    formula: ClassVar[str] = "s t/(1 - t), t linear, s = 3"
    analytic: ClassVar[bool] = True
    family: ClassVar[tuple[str, ...]] = ("shift",)
    shift: float = 3.0

    def levels(self, span: Span) -> Array:
        """Equally spaced t, shifted."""
        ends = np.array([span.sigma_max, span.sigma_min])
        first, last = (1 if np.isinf(e) else e / (self.shift + e) for e in ends)
        t = first + span.ramp() * (last - first)
        with np.errstate(divide="ignore"):
            levels: Array = self.shift * t / (1 - t)
        levels[0], levels[-1] = ends
        return levels


#: Image tokens at 1024 x 1024 pixels.
TOKENS = 4096


@dataclass(frozen=True)
class FluxShift(Schedule):
    """Rectified-flow time shifted by exp(mu), mu = 1.15: Flux at 4096 image tokens (1024 x 1024 pixels).

    mu is linear in the number of tokens, 0.5 at 256 and 1.15 at 4096; sigma = exp(mu) t/(1 - t), t linear.
    Reference: diffusers, calculate_shift of the Flux pipeline (base 0.5, max 1.15).
    """

    name: ClassVar[str] = "flux_shift"
    reference: ClassVar[str] = "diffusers, pipeline_flux.calculate_shift (mu = 1.15 at 4096 tokens)"
    formula: ClassVar[str] = "exp(1.15) t/(1 - t), t linear"
    tokens: int = TOKENS

    def levels(self, span: Span) -> Array:
        """The shifted grid."""
        return FlowShift(float(np.exp(flux_mu(self.tokens)))).levels(span)


def flux_mu(tokens: float) -> float:
    """mu of FLUX.1: the line through 0.5 at 256 and 1.15 at 4096 tokens."""
    return 0.5 + (tokens - 256) * (1.15 - 0.5) / (4096 - 256)


def flux2_mu(tokens: float, steps: int) -> float:
    """mu of FLUX.2, fitted by its authors: a line in the tokens at 10 and at 200 steps, linear in the steps between.

    Above 4300 tokens the line of 200 steps alone. Reference: diffusers, pipeline_flux2.compute_empirical_mu.
    """
    many = 0.00016927 * tokens + 0.45666666
    if tokens > 4300:
        return many
    few = 8.73809524e-05 * tokens + 1.89833333
    return many + (few - many) * (200 - steps) / 190


@dataclass(frozen=True)
class Flux2Shift(Schedule):
    """Rectified-flow time shifted by exp(mu) with FLUX.2's empirical mu of the tokens and the number of steps.

    mu = 0.00016927 n + 0.4567 at 200 steps and 0.0000873810 n + 1.8983 at 10, linear in the steps; above 4300 tokens
    the former. At 4096 tokens 2.26 (10 steps), 2.15 (28), 1.15 (200).
    Reference: Black Forest Labs, FLUX.2; diffusers, pipeline_flux2.compute_empirical_mu.
    """

    name: ClassVar[str] = "flux2_mu"
    reference: ClassVar[str] = "diffusers, pipeline_flux2.compute_empirical_mu"
    formula: ClassVar[str] = "exp(mu(4096, N)) t/(1 - t), t linear"
    tokens: int = TOKENS

    def levels(self, span: Span) -> Array:
        """The shifted grid."""
        return FlowShift(float(np.exp(flux2_mu(self.tokens, span.steps)))).levels(span)


@dataclass(frozen=True)
class LogitNormal(Schedule):
    """Quantiles of a logit-normal law of rectified-flow time, that is of a normal law of log sigma.

    sigma = exp(mu + s Phi^-1(u)), u linear from Phi((log smax - mu)/s) down to Phi((log smin - mu)/s); (mu, s) = (0, 1).
    The host's u runs from 1 to 0 and is clamped to log-SNR in [-15, 18]; here the law is cut to the range.
    Reference: diffusers, pipeline_ideogram4 (its mu is -mu here); the training law of Esser et al. (2024), arXiv:2403.03206.
    """

    name: ClassVar[str] = "logit_normal"
    reference: ClassVar[str] = "diffusers, pipeline_ideogram4._logit_normal_sigmas"
    formula: ClassVar[str] = "exp(mu + s Phi^-1(u)), u linear, mu = 0, s = 1"
    family: ClassVar[tuple[str, ...]] = ("mu", "std")
    ranges: ClassVar[dict[str, tuple[float, float, bool]]] = {"mu": (-10.0, 10.0, True)}
    mu: float = 0.0
    std: float = 1.0

    def levels(self, span: Span) -> Array:
        """Quantiles of the law cut to the range."""
        with np.errstate(divide="ignore"):
            ends = (np.log(np.array([span.sigma_max, span.sigma_min])) - self.mu) / self.std
        # In the tail that is nearer, so that neither end is rounded to a whole.
        high, low = ndtr(ends[0]), ndtr(ends[1])
        u = high + span.ramp() * (low - high)
        up = ndtr(-ends[0]) + span.ramp() * (ndtr(-ends[1]) - ndtr(-ends[0]))
        levels: Array = np.exp(self.mu + self.std * np.where(u < 0.5, ndtri(u), -ndtri(up)))
        levels[0], levels[-1] = span.sigma_max, span.sigma_min
        return levels


@dataclass(frozen=True)
class BongTangent(Schedule):
    """Two arctangent pieces in rectified-flow time, from 1 to 1/2 and from 1/2 to 0, steep in the middle.

    With M = N + 2: piece(x) = (2/pi atan(-k (x - p)) + 1)/2 at x = 0, 1, ..., rescaled to its ends; k = slope/(M/40), the pieces
    meet at int(0.6 M), their pivots at int(0.6 M) and 0. sigma = s/(1 - s); the first level is sigma_max.
    RES4LYF asks no model: 1 to 0 on models of noise ratios too, where this is not its grid.
    Reference: RES4LYF 022c873, bong_tangent_scheduler.
    """

    name: ClassVar[str] = "bong_tangent"
    reference: ClassVar[str] = "RES4LYF 022c873, sigmas.bong_tangent_scheduler"
    formula: ClassVar[str] = "s in two arctangent pieces, 1 -> 1/2 -> 0, pivots 0.6, slopes 0.2; s/(1 - s)"
    family: ClassVar[tuple[str, ...]] = ("pivot", "slope")
    ranges: ClassVar[dict[str, tuple[float, float, bool]]] = {"pivot": (0.05, 0.95, True)}
    pivot: float = 0.6
    slope: float = 0.2

    def levels(self, span: Span) -> Array:
        """The joined pieces without the last 0; sigma_min in its place where the grid ends there."""
        count = span.steps + 2
        first = int(count * self.pivot)
        if not 0 < first < count:
            raise UnsupportedError(f"schedule {self.name!r} has no grid of {span.steps} steps with its pivot at {self.pivot:g}")
        k = self.slope / (count / 40)
        s = np.append(_arctangent(first, k, first, 1.0, 0.5)[:-1], _arctangent(count - first, k, 0, 0.5, 0.0))[:-1]
        s = _squeezed(s, span)
        with np.errstate(divide="ignore"):
            levels: Array = s / (1 - s)
        levels[0] = span.sigma_max
        return np.append(levels, span.sigma_min) if span.levels > span.steps else levels


def _squeezed(s: Array, span: Span) -> Array:
    """Times of the rule, moved linearly into the range where they leave it: hosts run it from 1 to 0 only."""
    top = span.sigma_max / (1 + span.sigma_max) if np.isfinite(span.sigma_max) else 1.0
    low, room = span.sigma_min / (1 + span.sigma_min), float(span.levels > span.steps)
    if s.size < 2 or (s[1] < top and s[-1] >= low and (s[-1] > low or not room)):
        return s
    # One place more where sigma_min itself follows.
    last = max(float(s[-1]), low + room * (top - low) / (s.size + 1))
    if not last < top:
        return np.linspace(top, low, s.size + int(room))[: s.size]
    return np.asarray(last + (top - last) * (s - s[-1]) / (s[0] - s[-1]))


def _arctangent(count: int, slope: float, pivot: int, start: float, end: float) -> Array:
    """`count` values from start to end along the curve around the pivot."""
    curve = np.arctan(-slope * (np.arange(count) - pivot))
    with np.errstate(invalid="ignore"):
        share = (curve - curve[-1]) / (curve[0] - curve[-1])
    return np.asarray(end + (start - end) * np.where(np.isfinite(share), share, 1.0))
