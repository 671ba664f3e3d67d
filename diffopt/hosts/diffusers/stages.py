"""Schedulers with stages between the grid's points, which they work out themselves from the sigmas they are given."""

from __future__ import annotations

from typing import Any, ClassVar

from diffopt.hosts.base import Sampler
from diffopt.hosts.diffusers.others import SnippetOnly
from diffopt.hosts.run import Run


class Staged(SnippetOnly):
    """A last step to 0 is theirs; the sigmas go in where their exponential rule would make them."""

    def options(self, run: Run) -> dict[str, Any]:
        """The rule whose numbers the subclass replaces."""
        return {"use_karras_sigmas": False, "use_exponential_sigmas": True, "use_beta_sigmas": False}

    def refused(self, run: Run) -> str:
        """Any other end than 0."""
        return "" if run.levels[-1] == 0 else "it always ends at 0; optimize with --end zero"


class KDPM2(Staged):
    """KDPM2DiscreteScheduler: a stage at the geometric mean of a step's ends."""

    name = "KDPM2DiscreteScheduler"
    samplers: ClassVar = {"dpm_2": Sampler(name, "dpm_2", clock="sigma")}


class KDPM2Ancestral(Staged):
    """KDPM2AncestralDiscreteScheduler: eta always 1."""

    name = "KDPM2AncestralDiscreteScheduler"
    samplers: ClassVar = {"dpm_2_ancestral": Sampler(name, "dpm_2_ancestral", eta=1.0)}


class DPMSolverSDE(Staged):
    """DPMSolverSDEScheduler: DPM++ SDE with eta always 1; needs torchsde."""

    name = "DPMSolverSDEScheduler"
    samplers: ClassVar = {"dpmpp_sde": Sampler(name, "dpmpp_sde", eta=1.0)}
