"""Rules of ComfyUI, by index into the model's levels and over its range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import betaincinv

from diffopt.foundation.arrays import Array
from diffopt.processes import Flow
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.fixed.index_rule import IndexRule


class Simple(IndexRule):
    """Training levels from the noisy end with stride T/N, rounded down.

    index = T - 1 - floor(i T/N), i = 0 .. N-1; then 0.
    Reference: ComfyUI, simple_scheduler.
    """

    name = "simple"
    reference = "ComfyUI, simple_scheduler"
    formula = "training level T - 1 - floor(i T/N)"
    stops_above = True

    def indices(self, size: int, count: int) -> Array:
        """Strides from the top."""
        return np.asarray(size - 1 - np.floor(np.arange(count) * (size / count)))


@dataclass(frozen=True)
class Beta(IndexRule):
    """Timesteps at quantiles of a Beta(0.6, 0.6) law: denser at both ends than in the middle.

    index = (T - 1) F^-1(1 - i/N; a, b), i = 0 .. N-1; then 0. The host rounds the index and drops
    repeats, which loses steps; it is not rounded here.
    Reference: Lee et al. (2024), arXiv:2407.12173; ComfyUI, beta_scheduler.
    """

    name: ClassVar[str] = "beta"
    reference: ClassVar[str] = "Lee et al. 2024, arXiv:2407.12173; ComfyUI, beta_scheduler"
    formula: ClassVar[str] = "training level (T-1) F^-1(1 - i/N; a, b), a = b = 0.6"
    family: ClassVar[tuple[str, ...]] = ("a", "b")
    stops_above = True
    a: float = 0.6
    b: float = 0.6

    def indices(self, size: int, count: int) -> Array:
        """Quantiles of the Beta law."""
        return np.asarray((size - 1) * betaincinv(self.a, self.b, 1 - np.arange(count) / count))


class Beta57(IndexRule):
    """The `beta` rule with the law Beta(0.5, 0.7), which leans towards the noisy end less than to the data.

    index = (T - 1) F^-1(1 - i/N; 0.5, 0.7), i = 0 .. N-1; then 0.
    Reference: RES4LYF for ComfyUI, get_sigmas (alpha = 0.5, beta = 0.7).
    """

    name = "beta57"
    reference = "RES4LYF, beta57 = ComfyUI beta_scheduler(alpha=0.5, beta=0.7)"
    formula = "training level (T-1) F^-1(1 - i/N; 0.5, 0.7)"
    stops_above = True

    def indices(self, size: int, count: int) -> Array:
        """Quantiles of the Beta law."""
        return np.asarray(Beta(0.5, 0.7).indices(size, count))


class DDIMUniform(IndexRule):
    """Training levels 1, 1 + s, 1 + 2 s, ... with stride s = T // N, reversed; then 0.

    Where T is no multiple of N the host returns more levels than it was asked for; the N lowest are
    kept. The first level is raised to sigma_max, so that the row starts where all others do.
    Reference: ComfyUI, ddim_scheduler.
    """

    name = "ddim_uniform"
    reference = "ComfyUI, ddim_scheduler"
    formula = "training level 1 + k (T // N), reversed; first level raised to smax"
    stops_above = True

    def indices(self, size: int, count: int) -> Array:
        """Strides from level 1."""
        return np.asarray(1.0 + np.arange(count)[::-1] * max(size // count, 1), dtype=np.float64)


#: Share of the range that the linear half covers.
THRESHOLD = 0.025


class LinearQuadratic(Schedule):
    """Half of the steps linear over the first 2.5 % of the range, then a parabola matched in value and slope.

    With n1 = N // 2, n2 = N - n1, d = n1 - 0.025 N: v_i = 0.025 i/n1 for i < n1, else q i^2 + l i + q n1^2,
    q = d/(n1 n2^2), l = 0.025/n1 - 2 d/n2^2; sigma = smax (1 - v), in the flow time for `flow`.
    Reference: Genmo, Mochi 1; ComfyUI, linear_quadratic_schedule; diffusers, pipeline_mochi.
    """

    name = "linear_quadratic"
    reference = "Genmo Mochi 1; ComfyUI, linear_quadratic_schedule"
    formula = "smax (1 - v_i), v linear to 0.025 in N/2 steps, then quadratic to 1"

    def levels(self, span: Span) -> Array:
        """v_0 .. v_{N-1}, with sigma_min in the place of 0 where the grid ends there."""
        n = span.steps
        n1, i = n // 2, np.arange(n)
        if n1 == 0:
            v = np.zeros(1)
        else:
            d, n2 = n1 - THRESHOLD * n, n - n1
            q = d / (n1 * n2**2)
            slope = THRESHOLD / n1 - 2 * d / n2**2
            v = np.where(i < n1, THRESHOLD * i / n1, q * i**2 + slope * i + q * n1**2)
        return _from_share(1 - v, span)


def _from_share(share: Array, span: Span) -> Array:
    high, low = span.sigma_max, span.sigma_min
    if isinstance(span.process, Flow):
        top = 1.0 if np.isinf(high) else high / (1 + high)
        with np.errstate(divide="ignore"):
            levels = np.asarray(top * share / (1 - top * share))
    elif np.isinf(high):
        levels = np.full_like(share, np.inf)
    else:
        levels = high * share
    levels[0] = high
    return np.append(levels, low) if span.levels > span.steps else levels


class Normal(IndexRule):
    """Timesteps linear from sigma_max to sigma_min, both included, not rounded; then 0.

    t_i = t(smax) + u (t(smin) - t(smax)). On flow models with a shift t is the shifted time, which is shifted once more.
    Reference: ComfyUI, normal_scheduler; k-diffusion, DiscreteSchedule.get_sigmas.
    """

    name = "normal"
    reference = "ComfyUI, normal_scheduler"
    formula = "timestep linear from t(smax) to t(smin), N points"
    by_time = True

    def indices(self, size: int, count: int) -> Array:
        """Evenly spread, ends included."""
        return np.linspace(size - 1, 0, count)


class SGMUniform(IndexRule):
    """Timesteps linear from sigma_max towards sigma_min with N + 1 points, the last one dropped; then 0.

    t_i = t(smax) + (i/N) (t(smin) - t(smax)), i = 0 .. N-1; on flow models with a shift as `normal`.
    Reference: ComfyUI, normal_scheduler with sgm=True; the scheduler of Stability's generative-models.
    """

    name = "sgm_uniform"
    reference = "ComfyUI, normal_scheduler(sgm=True)"
    formula = "timestep linear from t(smax) to t(smin), N + 1 points, last dropped"
    stops_above = True
    by_time = True

    def indices(self, size: int, count: int) -> Array:
        """Evenly spread, the last left out."""
        return np.linspace(size - 1, 0, count + 1)[:-1]
