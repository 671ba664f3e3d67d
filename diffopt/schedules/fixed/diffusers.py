"""diffusers' timestep spacings, and its beta sigmas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import betaincinv

from diffopt.foundation.arrays import Array
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.schedules.fixed.index_rule import IndexRule


class Linspace(IndexRule):
    """Training timesteps spread evenly over the whole table, both ends included, rounded to integers.

    index = round(linspace(0, T - 1, N)), reversed.
    Reference: diffusers, timestep_spacing="linspace"; Lin et al. (2024), arXiv:2305.08891, table 2.
    """

    name = "linspace"
    reference = 'diffusers, timestep_spacing="linspace"'
    formula = "training level round(linspace(0, T-1, N)), reversed"

    def indices(self, size: int, count: int) -> Array:
        """Rounded, evenly spread."""
        return np.round(np.linspace(size - 1, 0, count))


@dataclass(frozen=True)
class BetaSigma(Schedule):
    """Beta quantiles of sigma itself: what diffusers calls beta sigmas, not what ComfyUI calls beta.

    sigma = smin + (smax - smin) F^-1(1 - u; a, b), a = b = 0.6.
    Reference: diffusers, use_beta_sigmas (_convert_to_beta).
    """

    name: ClassVar[str] = "beta_sigma"
    reference: ClassVar[str] = "diffusers, use_beta_sigmas"
    formula: ClassVar[str] = "smin + (smax - smin) F^-1(1 - u; 0.6, 0.6)"
    family: ClassVar[tuple[str, ...]] = ("a", "b")
    a: float = 0.6
    b: float = 0.6

    def levels(self, span: Span) -> Array:
        """Quantiles between the ends."""
        high, low = span.finite(self.name)
        levels = low + (high - low) * betaincinv(self.a, self.b, 1 - span.ramp())
        levels[0], levels[-1] = high, low
        return np.asarray(levels)


class Leading(IndexRule):
    """Every (T // N)-th training timestep counted from the data; the host never visits sigma_max.

    index = (0 .. N-1) (T // N), reversed. The first level is raised to sigma_max here, so that the
    row starts where all others do.
    Reference: diffusers, timestep_spacing="leading"; Lin et al. (2024), arXiv:2305.08891, table 2.
    """

    name = "leading"
    reference = 'diffusers, timestep_spacing="leading"'
    formula = "training level (0..N-1) (T // N), reversed; first level raised to smax"

    def indices(self, size: int, count: int) -> Array:
        """Multiples of the stride."""
        return np.asarray(np.arange(count)[::-1] * float(size // count), dtype=np.float64)


class Trailing(IndexRule):
    """Every (T/N)-th training timestep counted from pure noise, which is always visited.

    index = round(T - i T/N) - 1, i = 0 .. N-1; then 0.
    Reference: diffusers, timestep_spacing="trailing"; Lin et al. (2024), arXiv:2305.08891, table 2.
    """

    name = "trailing"
    reference = 'diffusers, timestep_spacing="trailing"'
    formula = "training level round(T - i T/N) - 1"
    stops_above = True

    def indices(self, size: int, count: int) -> Array:
        """From the last level downwards."""
        return np.round(size - np.arange(count) * (size / count)) - 1
