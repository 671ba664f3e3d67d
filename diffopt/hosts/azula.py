"""azula: a sampler subclass whose times are the grid."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.hosts.base import HostQuery, Sampler
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.loops import LoopHost, on_single_levels
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import header
from diffopt.hosts.text import python_list


class Azula(LoopHost):
    """azula's samplers step between the times of `timesteps`; its eta is the square of DDIM's."""

    name = "azula"
    title = "azula"
    samplers: ClassVar = {
        "euler": Sampler("EulerSampler", "euler", "euler", "sigma", "sigma"),
        "ddim": Sampler("DDIMSampler", "ddim", "ddim"),
        "euler_ancestral": Sampler("DDIMSampler", "ddim", "ddim"),
        "ddpm": Sampler("DDPMSampler", "ddpm", "ddpm", eta=1.0),
        "heun": Sampler("HeunSampler", "heun", "heun", "sigma", "sigma"),
    }
    processes = ("ve", "flow")
    suffix = ".py"

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """The grid as times of a schedule in which time is the level."""
        plan = self.sampled(run)
        if plan.run is None:
            return plan
        found = [*plan.findings]
        if plan.sampler == "HeunSampler" and run.grid.sigmas[-1] == 0:
            message = "HeunSampler of azula calls the network at the end of every step: a last step to 0 gives NaN"
            repair = "optimize with --end sigma_min, or take DDIMSampler"
            return HostPlan(plan.sampler, None, [Finding("refused", message, repair)])
        eta = float(plan.run.eta[0])
        if plan.sampler == "DDIMSampler" and eta not in (0.0, 1.0) and not target.exported:
            message = f"azula's eta is the square of DDIM's: eta {eta:.6g} there is {np.sqrt(eta):.6g} here"
            found.append(Finding("eta", message, f"pass eta={eta**2:.10g}, as the export does"))
            plan = HostPlan(plan.sampler, plan.run.with_solver(plan.run.solver, float(np.sqrt(eta))), found)
        assert plan.run is not None
        hosted, more = on_single_levels(plan.run)
        return HostPlan(plan.sampler, hosted, [*found, *more])

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """A subclass, and the schedule whose time is the level."""
        assert plan.run is not None
        eta = f", eta={float(plan.run.eta[0]) ** 2!r}" if plan.sampler == "DDIMSampler" else ""
        return (
            f"{header(self.title, plan)}import torch\n"
            f"from azula.noise import Schedule\nfrom azula.sample import {plan.sampler}\n\n"
            f"TIMES = {python_list(run.levels, indent='')}\n"
            f"{_FLOW_TIME if run.flow else _SIGMA_TIME}\n\n"
            f"class Grid({plan.sampler}):\n"
            '    """The sampler on the times above."""\n\n'
            "    @property\n"
            "    def timesteps(self):\n"
            "        return torch.tensor(TIMES, dtype=self.dtype, device=self.device)\n\n\n"
            "def make(denoiser, **extra):\n"
            f'    """`denoiser` must have the schedule GridTime()."""\n'
            f"    return Grid(denoiser, steps=len(TIMES) - 1{eta}, **extra)\n"
        )


_SIGMA_TIME = '''

class GridTime(Schedule):
    """Time is the noise ratio: alpha = 1, sigma = t."""

    def __call__(self, t):
        return torch.ones_like(t), t
'''

_FLOW_TIME = '''

class GridTime(Schedule):
    """Time is s: alpha = 1 - t, sigma = t."""

    def __call__(self, t):
        return 1 - t, t
'''
