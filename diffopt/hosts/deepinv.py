"""deepinv: times of its variance-exploding SDE, in which it steps in log sigma."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.hosts.base import HostQuery, Sampler
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.loops import LoopHost, on_single_levels
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import header
from diffopt.hosts.text import python_list


class DeepInv(LoopHost):
    """EulerSolver and HeunSolver take times t with sigma(t) = sigma_min (sigma_max/sigma_min)^t; no step to 0."""

    name = "deepinv"
    title = "deepinv"
    samplers: ClassVar = {
        "euler": Sampler("EulerSolver", "euler", clock="logsnr"),
        "heun": Sampler("HeunSolver", "heun", clock="logsnr"),
    }
    processes = ("ve",)
    end = "sigma_min"
    suffix = ".py"

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """Steps in log sigma, down to a positive level."""
        if run.grid.sigmas[-1] == 0:
            low = run.grid.sigmas[-2]
            message = f"deepinv's variance-exploding SDE never reaches 0: at t = 0 it stands at sigma_min, here {low:.6g}"
            return HostPlan("EulerSolver", None, [Finding("refused", message, "optimize with --end sigma_min --clock logsnr")])
        plan = self.sampled(run)
        if plan.run is None:
            return plan
        hosted, more = on_single_levels(plan.run)
        note = Finding(
            "note", "its SDEs wrap the denoiser with minus_one_one=True by default: pass False where data are not in [0, 1]"
        )
        found = [*plan.findings, *more, note]
        if not target.exported:
            message = "its solvers take times t in [0, 1], not sigmas"
            found.append(Finding("misread", message, "pass the times of diffopt export --to deepinv"))
        return HostPlan(plan.sampler, hosted, found)

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """Times, the SDE that they belong to and the solver."""
        high, low = float(run.grid.sigmas[0]), float(run.grid.sigmas[-1])
        times = np.log(run.grid.sigmas / low) / np.log(high / low)
        return (
            f"{header(self.title, plan)}import numpy as np\n"
            f"from deepinv.sampling import {plan.sampler}, VarianceExplodingDiffusion\n\n"
            f"TIMES = np.array({python_list(times, indent='')})\n\n\n"
            "def make(denoiser, images=True, **extra):\n"
            '    """The ODE (alpha = 0) on the grid; images=False for data that are not in [0, 1]."""\n'
            "    sde = VarianceExplodingDiffusion(\n"
            f"        denoiser=denoiser, sigma_min={low!r}, sigma_max={high!r}, alpha=0.0, minus_one_one=images, **extra\n"
            "    )\n"
            f"    return sde, {plan.sampler}(timesteps=TIMES)\n"
        )
