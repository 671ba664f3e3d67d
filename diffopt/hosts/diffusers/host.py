"""The host diffusers: a scheduler for each solver, its own argument or an exact subclass."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.documents.scheduler_config import says_flow
from diffopt.errors import UnsupportedError
from diffopt.hosts.base import Host, HostQuery, Sampler
from diffopt.hosts.diffusers.by_timesteps import DDPM, ByTimesteps, DPMSolverMultistep, DPMSolverSinglestep, HeunDiscrete
from diffopt.hosts.diffusers.config import Config, matching_levels, read_config
from diffopt.hosts.diffusers.euler import EDMEuler, EulerDiscrete
from diffopt.hosts.diffusers.flow import FlowMatchEuler, LTXEulerAncestral, UniPC
from diffopt.hosts.diffusers.others import REFUSED, DEISMultistep, EulerAncestral, LMSDiscrete, refusal
from diffopt.hosts.diffusers.scheduler import Scheduler, plan_for
from diffopt.hosts.diffusers.snippet import EXACT, call_text, subclass_text
from diffopt.hosts.diffusers.stages import KDPM2, DPMSolverSDE, KDPM2Ancestral
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.nearest import clipped_level
from diffopt.hosts.run import Run
from diffopt.hosts.single_precision import single

SCHEDULERS: dict[str, Scheduler] = {
    s.name: s
    for s in (
        EulerDiscrete(), DPMSolverMultistep(), DPMSolverSinglestep(), HeunDiscrete(), UniPC(), FlowMatchEuler(), EDMEuler(),
        DDPM(), EulerAncestral(), LTXEulerAncestral(), LMSDiscrete(), DEISMultistep(), KDPM2(), KDPM2Ancestral(), DPMSolverSDE(),
    )
}  # fmt: skip

#: Scheduler of each solver on models of noise ratios and on flow models.
RATIO = {
    "euler": "EulerDiscreteScheduler", "heun": "HeunDiscreteScheduler", "dpmpp_2m": "DPMSolverMultistepScheduler",
    "dpmpp_3m": "DPMSolverMultistepScheduler", "dpmpp_2m_sde": "DPMSolverMultistepScheduler", "unipc": "UniPCMultistepScheduler",
    "euler_ancestral": "EulerAncestralDiscreteScheduler", "flow_ancestral": "EulerAncestralDiscreteScheduler",
    "lms": "LMSDiscreteScheduler", "deis": "DEISMultistepScheduler", "ddpm": "DDPMScheduler",
    "edm_stochastic": "EulerDiscreteScheduler", "dpm_2": "KDPM2DiscreteScheduler",
    "dpm_2_ancestral": "KDPM2AncestralDiscreteScheduler", "dpmpp_sde": "DPMSolverSDEScheduler",
    "dpmpp_2s_ancestral": "DPMSolverSinglestepScheduler",
}  # fmt: skip
FLOW = {
    "euler": "FlowMatchEulerDiscreteScheduler", "ddim": "FlowMatchEulerDiscreteScheduler", "unipc": "UniPCMultistepScheduler",
    "dpmpp_2m": "DPMSolverMultistepScheduler", "dpmpp_3m": "DPMSolverMultistepScheduler",
    "dpmpp_2m_sde": "DPMSolverMultistepScheduler", "euler_ancestral": "DPMSolverMultistepScheduler",
    "ddpm": "DPMSolverMultistepScheduler", "flow_ancestral": "LTXEulerAncestralRFScheduler",
}  # fmt: skip


class Diffusers(Host):
    """Hugging Face diffusers 0.42; the scheduler follows from the solver, or is named after a colon."""

    name = "diffusers"
    reads_config = True
    title = "diffusers"
    samplers: ClassVar = {name: SCHEDULERS[c].samplers[name] for name, c in RATIO.items() if name in SCHEDULERS[c].samplers}
    variants: ClassVar = {
        "call": "the scheduler's own argument", "snippet": "a subclass that sets the grid exactly",
        **dict.fromkeys(SCHEDULERS, ""),
    }  # fmt: skip
    forms = ("snippet", "call")
    suffix = ".py"
    flow_values = ""
    pure_noise = " (4096 is what it puts there with rescale_betas_zero_snr)"

    def choose(self, run: Run, target: HostQuery) -> str:
        """Class name: the one asked for, the config's in a check, or the solver's.

        Raises
        ------
        UnsupportedError
            No scheduler runs the solver.
        """
        if target.variant in SCHEDULERS:
            return str(target.variant)
        said = read_config(target.config).scheduler
        if said is not None and not target.exported:
            return said
        name = run.solver.name
        if name == "ddpm" and not run.flow and target.variant == "snippet":
            return "EulerAncestralDiscreteScheduler"  # the same scheme, and one that reads sigmas
        if name == "ddim" and not run.flow:
            return "EulerAncestralDiscreteScheduler" if np.any(run.eta) else "EulerDiscreteScheduler"
        table = FLOW if run.flow else RATIO
        if name not in table:
            raise UnsupportedError(
                f"no scheduler of diffusers runs {name!r} on {'flow' if run.flow else 'these'} models; it has {', '.join(table)}"
            )
        return table[name]

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """What the scheduler visits and computes."""
        config = read_config(target.config)
        name = self.choose(run, target)
        if name in REFUSED or name not in SCHEDULERS:
            return HostPlan(name, None, [refusal(name)])
        scheduler = SCHEDULERS[name]
        if scheduler.refused(run):
            return HostPlan(name, None, [Finding("refused", f"{name}: {scheduler.refused(run)}")])
        flow = _of_flow(config)
        if target.exported and flow is not None and flow != run.flow:
            model = "a flow model" if flow else "a model of noise ratios"
            message = f"the configuration is that of {model}, the grid is for {'flow' if run.flow else 'noise ratios'}"
            return HostPlan(name, None, [Finding("refused", message, "optimize for this model with --scheduler-config FILE")])
        if target.exported and not _by_call(scheduler, run, target):
            return self._exact(scheduler, run, config)
        if not scheduler.takes(run) and not target.exported:
            plan = self._exact(scheduler, run, config, scheduler.configured(run, config) if config.values else None)
            message = f"{name} has no argument for this grid"
            lost = Finding("dropped", message, "take diffopt export --to diffusers:snippet, which sets it")
            return HostPlan(name, plan.run, [lost, *plan.findings], plan.told)
        return plan_for(scheduler, self, run, config, target.exported)

    def _exact(self, scheduler: Scheduler, run: Run, config: Config, sampler: Sampler | None = None) -> HostPlan:
        """The grid in single precision, set past the scheduler's own rules."""
        sampler = sampler or scheduler.sampler(run)
        if sampler is None:
            raise UnsupportedError(f"{scheduler.name} does not run {run.solver.name!r}; it runs {', '.join(scheduler.samplers)}")
        base = self.sampled(run, sampler)
        if base.run is None:
            return base
        start, found = scheduler.start_law(run, config)
        levels = single(scheduler.placed(run))
        if levels.size > run.levels.size:  # stages stand between the points
            levels = single(run.levels)
        if levels[0] != run.levels[0] and run.levels[0] == 1:
            message = f"{scheduler.name} divides by 0 at s = 1: it starts at 1 - 1e-6, and the second step has a slope"
            found = [*found, Finding("note", message)]
        if isinstance(scheduler, HeunDiscrete) and levels[-1] != 0:
            found = [*found, Finding("note", f"the grid ends at {levels[-1]:.6g}: the pipeline decodes a latent with that noise")]
        gone = matching_levels(config.levels(run), run)
        if gone is not None:
            repair = "optimize for this model: --process table --scheduler-config FILE"
            found = [*found, Finding("conditioning", gone, repair)]
        hosted = base.run.with_levels(levels)
        told = clipped_level(hosted, config)
        if told is not None:
            message = "the network is told the nearest end of the model's table for sigmas outside; the error there includes it"
            found = [*found, Finding("conditioning", message, "optimize with --scheduler-config FILE, whose table is the range")]
        hosted = Run(hosted.grid, hosted.solver, hosted.eta, start) if start is not None else None  # type: ignore[assignment]
        return HostPlan(scheduler.name, hosted, [f for f in base.findings if f.kind != "start"] + found, told)

    def whole(self, run: Run, target: HostQuery) -> bool:
        """Schedulers that truncate their timesteps, unless the snippet sets the grid."""
        scheduler = SCHEDULERS.get(self.choose(run, target))
        return target.variant != "snippet" and isinstance(scheduler, ByTimesteps) and scheduler.cuts and scheduler.takes(run)

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """Python that makes the scheduler and the arguments of the pipeline."""
        scheduler = SCHEDULERS[plan.sampler]
        if not _by_call(scheduler, run, target):
            return subclass_text(scheduler, run, plan)
        return call_text(scheduler.call(run, read_config(target.config)), plan)

    def statement(self, run: Run, plan: HostPlan, target: HostQuery) -> list[str]:
        """How to use the file."""
        config, values = read_config(target.config), []
        scheduler = SCHEDULERS[plan.sampler]
        if run.flow:
            what = scheduler.call(run, config).comment if _by_call(scheduler, run, target) else EXACT
            values = [f"the file's values: {what}"]
        if config.own_grid and plan.run is not None:
            return [f"the file switches {config.own_grid} off; pipe(prompt, **prepare(pipe))", *values]
        return ["pipe(prompt, **prepare(pipe)), with prepare from the file", *values]


def _of_flow(config: Config) -> bool | None:
    """Whether a configuration is that of a flow model; None where nothing in it tells."""
    name, given = str(config.scheduler or ""), set(config.values)
    if says_flow(config.values):
        return True
    if {"beta_start", "beta_schedule", "trained_betas"} & given or name.startswith("EDM"):
        return False
    return True if {"shift", "use_dynamic_shifting"} & given else None


def _by_call(scheduler: Scheduler, run: Run, target: HostQuery) -> bool:
    """Whether the grid is set by the scheduler's own argument.

    UniPC's only where it is named: FluxPipeline and its relatives drop a user's sigmas where use_flow_sigmas is set.
    """
    if isinstance(scheduler, UniPC) and target.variant != scheduler.name:
        return False
    return target.variant != "snippet" and scheduler.takes(run)
