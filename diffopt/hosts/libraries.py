"""Research libraries that take a grid in Python: smalldiffusion, physicsnemo, skrample."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.documents.options import CHURN
from diffopt.hosts.base import HostQuery, Sampler
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.loops import LoopHost
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import header, options
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

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
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
        "edm_stochastic": Sampler("edm_stochastic_heun", "edm_stochastic", takes=CHURN),
    }
    processes = ("ve",)
    suffix = ".py"

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """The tensor and the call."""
        return (
            f"{header(self.title, plan)}"
            "import torch\nfrom physicsnemo.diffusion.samplers import sample\n\n"
            f"TIME_STEPS = {python_list(run.levels, indent='')}\n\n\n"
            "def run(denoiser, noise, scheduler, **extra):\n"
            '    """`noise` is N(0, 1); `denoiser` comes from get_denoiser of an EDM scheduler, whose time is sigma."""\n'
            "    time_steps = torch.tensor(TIME_STEPS, dtype=torch.float64, device=noise.device)\n"
            "    return sample(denoiser, noise * time_steps[0], noise_scheduler=scheduler, num_steps=len(TIME_STEPS) - 1,\n"
            f"                  solver={plan.sampler!r}, time_steps=time_steps{self._churn(run, plan)}, **extra)\n"
        )

    def _churn(self, run: Run, plan: HostPlan) -> str:
        """The options of its stochastic solver, which scales the churn by a number of steps of its own."""
        if not run.solver.churns:
            return ""
        names = {"s_churn": "S_churn", "s_tmin": "S_min", "s_tmax": "S_max", "s_noise": "S_noise"}
        said = {names[key]: value for key, value in options(plan).items()}
        text = "".join(f"{key!r}: {value!r}, " for key, value in said.items())
        return f",\n                  solver_options={{{text}'num_steps': len(TIME_STEPS) - 1}}"


#: Fewest steps at which dpmpp_3m keeps its order in the last steps, as in diffusers.
LOWERED = 15


class Skrample(LoopHost):
    """skrample's FixedSchedule: points without the zero, which it appends itself."""

    name = "skrample"
    title = "skrample"
    samplers: ClassVar = {
        "euler": Sampler("Euler()", "euler", "euler", "sigma", "sigma"),
        "dpmpp_2m": Sampler("DPM(order=2)", "dpmpp_2m", "dpmpp_2m"),
        "dpmpp_3m": Sampler("DPM(order=3)", "dpmpp_3m", "dpmpp_3m", fixed={"lower_order_final": True}),
        "unipc": Sampler("UniPC(order=2, fast_solve=True)", "unipc", None, reason=(
            "its correction of the first step from s = 1 is another one; optimize with --solver dpmpp_2m")),
    }  # fmt: skip
    suffix = ".py"
    start = "unit"

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """Double precision; the final 0 is the host's own."""
        plan = self.sampled(run)
        found, hosted = [*plan.findings], plan.run
        if run.solver.name == "dpmpp_3m" and run.grid.steps >= LOWERED:
            message = f"its DPM lowers the order at the end of every run, ours only below {LOWERED} steps"
            return HostPlan(plan.sampler, None, [Finding("refused", message, "optimize with --solver dpmpp_2m")])
        if run.grid.sigmas[-1] != 0:
            message = f"skrample appends 0 after {run.levels[-1]:.6g}: one step more"
            found.append(Finding("end", message, "optimize with --end zero"))
            hosted = None if hosted is None else hosted.with_levels(np.append(hosted.levels, 0.0))
        message = "its diffusers wrapper uses only the length of sigmas and drops the values: use FixedSchedule"
        found.append(Finding("note", message))
        message = f"FixedSchedule resamples without a word when it is asked for other than {run.grid.steps} steps; it needs scipy"
        found.append(Finding("note", message))
        return HostPlan(plan.sampler, hosted, found)

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """The schedule and the sampler."""
        values = run.levels[:-1] if run.levels[-1] == 0 else run.levels
        times = run.grid.timesteps if run.grid.timesteps is not None else run.grid.sigmas[:-1]
        space = "FlowMatching" if run.flow else "VariancePreserving"
        return (
            f"{header(self.title, plan)}"
            "import numpy as np\n"
            "from skrample.sampling.structured import DPM, Euler, UniPC\n"
            f"from skrample.scheduling import FixedSchedule, {space}\n\n"
            f"SIGMAS = np.array({python_list(values, indent='')})\n"
            f"TIMESTEPS = np.array({python_list(np.asarray(times)[: values.size], indent='')})\n"
            f"schedule = FixedSchedule.from_regular(TIMESTEPS, SIGMAS, {space}())\n"
            f"sampler = {plan.sampler}  # ask for {plan.run.grid.steps if plan.run else values.size} steps, no other number\n"
        )


