"""DEIS: polynomials in another variable than the one that is integrated over."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Numbers
from diffopt.processes.clocks import CLOCKS
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.adams import adams, check_order, exponential_weights, lower_at_the_end, start_up
from diffopt.solvers.table import Table

#: Range and smallest time by which the public code fixes its linear VP time: beta from these.
HIGH, LOW, EARLIEST = 80.0, 0.002, 1e-3
_TOP = math.log1p(HIGH**2)
#: log(1 + sigma^2) = SLOPE t^2/2 + BASE t.
SLOPE = 2 * (math.log1p(LOW**2) / EARLIEST - _TOP) / (EARLIEST - 1)
BASE = _TOP - SLOPE / 2


def vp_time(sigma: Numbers) -> Numbers:
    """Time of the linear VP process that the public code takes polynomials in."""
    return (np.sqrt(BASE**2 + 2 * SLOPE * np.log1p(sigma**2)) - BASE) / SLOPE


#: Variable of the polynomials by variant.
CURVES: dict[str, Callable[[Numbers], Numbers]] = {"tab": vp_time, "logrho": np.log, "rhoab": lambda sigma: sigma}


@dataclass(frozen=True)
class DEIS(Solver):
    """Exponential multistep: slopes (x - D)/sigma as a polynomial in a time, integrated over sigma.

    x' = x + sum_j d_{k-j} int L_j(t(sigma)) d sigma. `tab`: t is the time of a linear VP process from 0.002 to 80
    (paper, diff-sampler, ComfyUI; they sum 10,000 values, here the integral is exact); `logrho`: t = log sigma
    (diffusers); `rhoab`: t = sigma, which is `lms`. A last step to sigma = 0 is Euler's.
    Reference: Zhang and Chen (2023), arXiv:2204.13902, eq. 15; zju-pi/diff-sampler 68d5ce4, deis_sampler;
    diffusers, DEISMultistepScheduler.

    Attributes
    ----------
    order : int
        Largest number of slopes, 1 to 4 (diffusers and the paper's tAB: 1 to 3).
    variant : str
        `tab`, `logrho` or `rhoab`.
    lower_order_final : bool
        Orders 2, 1 at the end of runs of fewer than 15 steps, diffusers' default.
    """

    name: ClassVar[str] = "deis"
    law_order: ClassVar[int] = 2
    reference: ClassVar[str] = "Zhang, Chen 2023, arXiv:2204.13902, eq. 15 (tAB); diff-sampler 68d5ce4, deis_sampler"

    #: `tab` has a time, and by it a scale, of its own.
    scale_free: ClassVar[bool] = False

    order: int = 3
    variant: str = "tab"
    lower_order_final: bool = False

    def __post_init__(self) -> None:
        check_order(self.name, self.order, 4)
        if self.variant not in CURVES:
            raise InputError(f"solver 'deis' has the variants {', '.join(CURVES)}, got {self.variant!r}")

    @property
    def memory(self) -> int:  # type: ignore[override]
        """Steps that the oldest output lies behind."""
        return self.order - 1

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step reading up to four outputs, eqs. (120) and (121)."""
        orders = start_up(points, self.order, euler_end=True, through_noise=False)
        if self.lower_order_final:
            orders = lower_at_the_end(orders)
        weights = exponential_weights(points, orders, self.order, CURVES[self.variant])
        # Lagrange's polynomials sum to 1; the rule does to rounding only, which a null direction must not see.
        return adams(points, CLOCKS["sigma"], weights, whole=True)
