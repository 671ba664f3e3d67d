"""Research libraries that take a grid in Python: smalldiffusion, physicsnemo, skrample."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.hosts.base import Sampler, Target
from diffopt.hosts.findings import Finding, Plan
from diffopt.hosts.loops import LoopHost
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import header
from diffopt.hosts.text import python_list


class SmallDiffusion(LoopHost):
    """smalldiffusion's `samples(model, sigmas, gam, mu)`: N + 1 values verbatim."""

    name = "smalldiffusion"
    title = "smalldiffusion"
    samplers: ClassVar = {
        "euler": Sampler("samples(gam=1, mu=0)", "euler", clock="sigma"),
        "euler_ancestral": Sampler("samples(gam=1, mu=0.5)", "euler_ancestral", eta=1.0),
        "ddpm": Sampler("samples(gam=1, mu=0.5)", "ddpm", eta=1.0),
    }
    processes = ("ve", "vp_linear", "vp_cosine", "table")
    suffix = ".py"

    def write(self, run: Run, plan: Plan, target: Target) -> str:
        """The tensor and the call."""
        arguments = plan.sampler.removeprefix("samples(").removesuffix(")")
        return (
            f"{header(self.title, plan)}"
            "import torch\nfrom smalldiffusion import samples\n\n"
            f"SIGMAS = {python_list(run.levels, indent='')}\n\n\n"
            "def sample(model, batchsize=1, **extra):\n"
            f"    *_, x = samples(model, torch.tensor(SIGMAS), {arguments}, batchsize=batchsize, **extra)\n"
            "    return x\n"
        )


class PhysicsNeMo(LoopHost):
    """NVIDIA physicsnemo's `sample(..., time_steps=)`: N + 1 values verbatim, time is sigma in its EDM scheduler."""

    name = "physicsnemo"
    title = "physicsnemo"
    samplers: ClassVar = {
        "euler": Sampler("euler", "euler", clock="sigma"),
        "heun": Sampler("heun", "heun", clock="sigma"),
    }
    processes = ("ve",)
    suffix = ".py"

    def write(self, run: Run, plan: Plan, target: Target) -> str:
        """The tensor and the call."""
        return (
            f"{header(self.title, plan)}"
            "import torch\nfrom physicsnemo.diffusion.samplers import sample\n\n"
            f"TIME_STEPS = {python_list(run.levels, indent='')}\n\n\n"
            "def run(denoiser, noise, scheduler, **extra):\n"
            '    """`noise` is N(0, 1); EDM noise schedulers have time = sigma."""\n'
            "    time_steps = torch.tensor(TIME_STEPS, dtype=torch.float64, device=noise.device)\n"
            "    return sample(denoiser, noise * time_steps[0], noise_scheduler=scheduler, num_steps=len(TIME_STEPS) - 1,\n"
            f"                  solver={plan.sampler!r}, time_steps=time_steps, **extra)\n"
        )


class Skrample(LoopHost):
    """skrample's FixedSchedule: points without the zero, which it appends itself."""

    name = "skrample"
    title = "skrample"
    samplers: ClassVar = {
        "euler": Sampler("Euler()", "euler", "euler", "sigma", "sigma"),
        "dpmpp_2m": Sampler("DPM(order=2)", "dpmpp_2m", "dpmpp_2m"),
        "unipc": Sampler("UniPC(order=2)", None, None, reason=(
            "its second order is 2 % off diffusers' and the paper's; optimize with --solver dpmpp_2m")),
    }  # fmt: skip
    suffix = ".py"
    start = "unit"

    def plan(self, run: Run, target: Target) -> Plan:
        """Double precision; the final 0 is the host's own."""
        plan = self.sampled(run)
        found, hosted = [*plan.findings], plan.run
        if run.grid.sigmas[-1] != 0:
            message = f"skrample appends 0 after {run.levels[-1]:.6g}: one step more"
            found.append(Finding("end", message, "optimize with --end zero"))
            hosted = None if hosted is None else hosted.with_levels(np.append(hosted.levels, 0.0))
        message = "its diffusers wrapper uses only the length of sigmas and drops the values: use FixedSchedule"
        found.append(Finding("note", message))
        message = f"FixedSchedule resamples without a word when it is asked for other than {run.grid.steps} steps"
        found.append(Finding("note", message))
        return Plan(plan.sampler, hosted, found)

    def write(self, run: Run, plan: Plan, target: Target) -> str:
        """The schedule and the sampler."""
        values = run.levels[:-1] if run.levels[-1] == 0 else run.levels
        times = run.grid.timesteps if run.grid.timesteps is not None else run.grid.sigmas[:-1]
        space = "FlowMatching" if run.flow else "VariancePreserving"
        return (
            f"{header(self.title, plan)}"
            "import numpy as np\n"
            "from skrample.sampling.structured import DPM, Euler\n"
            f"from skrample.scheduling import FixedSchedule, {space}\n\n"
            f"SIGMAS = np.array({python_list(values, indent='')})\n"
            f"TIMESTEPS = np.array({python_list(np.asarray(times)[: values.size], indent='')})\n"
            f"schedule = FixedSchedule.from_regular(TIMESTEPS, SIGMAS, {space}())\n"
            f"sampler = {plan.sampler}  # ask for {plan.run.grid.steps if plan.run else values.size} steps, no other number\n"
        )


