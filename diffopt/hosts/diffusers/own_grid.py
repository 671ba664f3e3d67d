"""The grid that a scheduler of flow models makes when nobody gives it one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.hosts.diffusers.config import Config
from diffopt.processes import Flow
from diffopt.processes.flow import shifted
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule
from diffopt.studies.comparison.row import OWN


@dataclass(frozen=True)
class OwnGrid(Schedule):
    """Times before the shift, the shift, and a last time that it is stretched to (theory.md, eq. 422).

    `twice`: from S(1) to S(1/T) in N points, FlowMatchEulerDiscreteScheduler.set_timesteps(N) with a static shift;
    `once`: 1 - i/N, what Flux's pipelines and others pass; `unipc`: from 1 towards 1/T in N + 1 points, the last dropped.
    Reference: diffusers 0.42.1, scheduling_flow_match_euler_discrete, scheduling_unipc_multistep, pipeline_flux.
    """

    name: ClassVar[str] = OWN
    reference: ClassVar[str] = "diffusers 0.42.1, set_timesteps of the model's scheduler"
    formula: ClassVar[str] = "a u/(1 + (a - 1) u)"
    rule: str = "twice"
    shift: float = 1.0
    trained: int = 1000
    terminal: float = 0.0

    @property
    def said(self) -> str:
        """What makes it, in words."""
        return {
            "twice": "set_timesteps(N), which shifts twice", "once": "the times 1 - i/N of Flux's pipelines and others, shifted",
            "unipc": "set_timesteps(N) of UniPCMultistepScheduler",
        }[self.rule]  # fmt: skip

    def levels(self, span: Span) -> Array:
        """Noise ratios of its N times.

        Raises
        ------
        UnsupportedError
            A range that is not the model's own.
        """
        if span.end != "zero" or np.isfinite(span.sigma_max):
            raise UnsupportedError("the model's own grid runs from pure noise to 0")
        n, low = span.steps, 1 / self.trained
        if self.rule == "once":
            u = np.linspace(1, 1 / n, n)
        elif self.rule == "unipc":
            u = np.linspace(1, low, n + 1)[:-1]
        else:
            u = np.linspace(1, shifted(np.array(low), self.shift), n)
        s = shifted(u, self.shift)
        if self.terminal:
            s = 1 - (1 - s) * (1 - self.terminal) / (1 - s[-1])
        with np.errstate(divide="ignore"):
            levels: Array = s / (1 - s)
        levels[0] = np.inf
        if levels[-1] < span.sigma_min * (1 - 1e-9):
            raise UnsupportedError(f"the model's own grid ends at sigma {levels[-1]:.4g}, below {span.sigma_min:g}")
        return levels


def own_grid(config: Config, process: Flow) -> OwnGrid | None:
    """The grid of a configuration with the shift of the process; None where none is known here."""
    if config.own_grid is not None or config.get("invert_sigmas", False):
        return None
    dynamic, name = bool(config.get("use_dynamic_shifting", False)), config.scheduler
    rule = None
    if name == "FlowMatchEulerDiscreteScheduler":
        rule = "once" if dynamic else "twice"
    elif name == "UniPCMultistepScheduler" and config.get("use_flow_sigmas", False):
        rule = "unipc"
    if rule is None:
        return None
    return OwnGrid(rule, process.model_shift, process.trained, float(config.get("shift_terminal", 0.0)))
