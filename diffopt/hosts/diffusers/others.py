"""Schedulers that take no grid: those that the snippet can set, and those that are refused, with the reason."""

from __future__ import annotations

from typing import Any, ClassVar

from diffopt.foundation.arrays import Array
from diffopt.hosts.base import Sampler
from diffopt.hosts.diffusers.config import Config
from diffopt.hosts.diffusers.euler import SpacedStart
from diffopt.hosts.diffusers.scheduler import Call
from diffopt.hosts.findings import Finding
from diffopt.hosts.run import Run
from diffopt.hosts.single_precision import single
from diffopt.law.start import Start


class SnippetOnly(SpacedStart):
    """A scheduler without a grid input, whose sigmas the snippet sets."""

    native = False

    def call(self, run: Run, config: Config) -> Call:
        """What the snippet sets."""
        return Call("sigmas", run.levels)

    def verbatim(self, run: Run, config: Config) -> Call:
        """The same; nothing takes it."""
        return self.call(run, config)

    def levels(self, run: Run, call: Call, config: Config) -> tuple[Array, list[Finding]]:
        """Verbatim."""
        return single(call.values), []


class EulerAncestral(SnippetOnly):
    """EulerAncestralDiscreteScheduler: eta always 1."""

    name = "EulerAncestralDiscreteScheduler"
    samplers: ClassVar = {
        "euler_ancestral": Sampler(name, "euler_ancestral", eta=1.0),
        "ddpm": Sampler(name, "euler_ancestral", eta=1.0),
        "ddim": Sampler(name, "euler_ancestral", eta=1.0),
        "flow_ancestral": Sampler(name, "euler_ancestral", eta=1.0),
    }


class LMSDiscrete(SnippetOnly):
    """LMSDiscreteScheduler: order 4 in the pipelines, kept on a last step to 0; its integrals are numerical."""

    name = "LMSDiscreteScheduler"
    samplers: ClassVar = {"lms": Sampler(name, "lms", clock="sigma", fixed={"order": 4, "euler_at_final": False})}

    def options(self, run: Run) -> dict[str, Any]:
        """No grid of its own."""
        return {f"use_{kind}_sigmas": False for kind in ("karras", "exponential", "beta")}


class DEISMultistep(SnippetOnly):
    """DEISMultistepScheduler, variant logrho; NaN on a last step to 0."""

    name = "DEISMultistepScheduler"
    _ZERO = "it gives NaN on a last step to 0; optimize with --end sigma_min"
    samplers: ClassVar = {"deis": Sampler(name, "deis", takes=("order", "lower_order_final"), fixed={"variant": "logrho"})}

    def options(self, run: Run) -> dict[str, Any]:
        """Order and end."""
        own = {f"use_{kind}_sigmas": False for kind in ("karras", "exponential", "beta")}
        order, lowered = run.option("order", 3), bool(run.option("lower_order_final", False))
        return {"algorithm_type": "deis", "solver_type": "logrho", "solver_order": order, "lower_order_final": lowered, **own}

    def configured(self, run: Run, config: Config) -> Sampler | None:
        """By solver_order and lower_order_final, whose defaults are 2 and True."""
        if config.get("algorithm_type", "deis") not in ("deis", "dpmsolver++") or config.get("solver_type", "logrho") != "logrho":
            return Sampler(self.name, None, reason="it runs logrho only; set algorithm_type='deis', solver_type='logrho'")
        order, lowered = int(config.get("solver_order", 2)), bool(config.get("lower_order_final", True))
        return Sampler(self.name, "deis", fixed={"variant": "logrho", "order": order, "lower_order_final": lowered})

    def refused(self, run: Run) -> str:
        """A last step to 0."""
        return self._ZERO if run.levels[-1] == 0 else ""

    def start(self, run: Run, config: Config) -> Start:
        """N(0, 1)."""
        return "unit"


_TAKE = "take diffopt export --to diffusers, which names a scheduler that takes the grid"

def _named(reason: str, *names: str) -> dict[str, str]:
    """The same reason for several classes."""
    return {f"{name}Scheduler": reason for name in names}


#: Class name -> what is wrong with it.
REFUSED: dict[str, str] = {
    "DDIMScheduler": (
        "takes no grid, and its step computes the previous timestep as t - T//N whatever the list says: overwritten "
        "timesteps run wrong; EulerDiscreteScheduler with sigmas is the same scheme"
    ),
    "TCDScheduler": "ends at the model's smallest level instead of 0 and leaves that noise in, with a law of its own",
    "MiniMaxH3Scheduler": "expects the velocity towards the data, the opposite sign of every other flow model",
    "DDPMParallelScheduler": "is DDPMScheduler for parallel sampling; take DDPMScheduler",
    "SCMScheduler": "takes angles and re-noises at each step, which is no optimized scheme here",
    "FlowMapEulerDiscreteScheduler": "is for networks of two times, which no law here covers",
    "PiflowScheduler": "is for networks that predict a policy, which no law here covers",
    "DPMSolverMultistepInverseScheduler": "runs from the data to noise",
    **_named("re-noises fully at each step, which is no optimized scheme here", "LCM", "FlowMatchLCM", "CMStochasticIterative"),
    **_named(
        "is for discrete tokens, not for Gaussian noise", "Amused", "BlockRefinement", "DiscreteDDIM", "EntropyBound",
        "VQDiffusion",
    ),
    **_named("has grids of its own for each resolution", "Helios", "HeliosDMD", "DDPMWuerstchen"),
    **_named(
        "takes no grid: set_timesteps has only a number of steps", "PNDM", "IPNDM", "SASolver", "EDMDPMSolverMultistep",
        "CosineDPMSolverMultistep", "FlowMatchHeunDiscrete", "DDIMInverse", "DDIMParallel", "CogVideoXDDIM", "CogVideoXDPM",
        "KarrasVe", "ScoreSdeVe", "RePaint", "UnCLIP", "RFD4Proteina",
    ),
}  # fmt: skip


def refusal(name: str) -> Finding:
    """Finding for a class that cannot run the grid."""
    reason = REFUSED.get(name, "is not known here")
    return Finding("refused", f"{name} {reason}", _TAKE)
