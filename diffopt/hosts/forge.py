"""A1111 and Forge: a small extension file that adds the grid as a scheduler."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.documents.options import CHURN
from diffopt.hosts.base import HostQuery, Sampler
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.loops import LoopHost
from diffopt.hosts.nearest import nearest_level
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import header, options
from diffopt.hosts.text import python_list

_TAKE = "optimize with --solver comfy_dpmpp_2m, heun or euler"
_RF = f"on flow models it is one scheme for Flux and another for the others; {_TAKE}"
_SDE = f"on flow models it puts s into the formula for sigma, which is no SDE of the model; {_TAKE}"
_CHURN = f"on flow models the noise of its churn is no noise of the model; {_TAKE}"
_ANCESTRAL = Sampler("Euler a", "euler_ancestral", None, reason=_RF)
_2M = Sampler("DPM++ 2M", "dpmpp_2m", "comfy_dpmpp_2m")

SAMPLERS: dict[str, Sampler] = {
    "euler": Sampler("Euler", "euler", "euler", "sigma", "sigma"),
    "ddim": _ANCESTRAL,
    "ddpm": _ANCESTRAL,
    "euler_ancestral": _ANCESTRAL,
    "flow_ancestral": _ANCESTRAL,
    "heun": Sampler("Heun", "heun", "heun", "sigma", "time"),
    "dpm_2": Sampler("DPM2", "dpm_2", "dpm_2", "sigma", "time"),
    "dpm_2_ancestral": Sampler("DPM2 a", "dpm_2_ancestral", None, reason=_RF),
    "dpmpp_2s_ancestral": Sampler("DPM++ 2S a", "dpmpp_2s_ancestral", None, reason=_RF),
    "dpmpp_3m_sde": Sampler("DPM++ 3M SDE", "dpmpp_3m_sde", None, reason=_SDE),
    "lms": Sampler("LMS", "lms", "lms", "sigma", "time"),
    "dpmpp_2m": _2M,
    "comfy_dpmpp_2m": _2M,
    "dpmpp_sde": Sampler("DPM++ SDE", "dpmpp_sde", None, reason=_SDE),
    "dpmpp_2m_sde": Sampler("DPM++ 2M SDE", "dpmpp_2m_sde", None, reason=_SDE),
    "edm_stochastic": Sampler("Heun", "edm_stochastic", None, reason=_CHURN, takes=CHURN),
}
#: Samplers for which the host asks for steps + 1 points and drops the last but one.
DISCARDS = ("DPM2", "DPM2 a", "DPM++ 3M SDE")

_BODY = '''

def diffopt_grid(n, sigma_min, sigma_max, device):
    """N + 1 levels. Where the host asks for one step more, it will drop the last but one: a spare stands there."""
    steps = len(SIGMAS) - 1
    if n == steps:
        values = SIGMAS
    elif n == steps + 1:
        values = SIGMAS[:-1] + [SIGMAS[-2] / 2 + SIGMAS[-1] / 2] + SIGMAS[-1:]
    else:
        raise ValueError(f"this grid was made for {steps} steps, {n} were asked for")
    return torch.tensor(values, dtype=torch.float32, device=device)


if not any(s.name == NAME for s in sd_schedulers.schedulers):
    sd_schedulers.schedulers.append(sd_schedulers.Scheduler(NAME, LABEL, diffopt_grid))
    sd_schedulers.schedulers_map = {
        **{s.name: s for s in sd_schedulers.schedulers},
        **{s.label: s for s in sd_schedulers.schedulers},
    }
'''


class Forge(LoopHost):
    """A1111 or Forge: no field for sigmas in core, so a file for `extensions/diffopt/scripts`."""

    name = "forge"
    reads_config = True
    title = "A1111/Forge"
    samplers: ClassVar = SAMPLERS
    suffix = ".py"

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """Verbatim through the extension; a pasted list meets the host's habits."""
        plan = super().plan(run, target)
        told, found = nearest_level(run, target, "Forge (A1111 itself interpolates)")
        found = [*plan.findings, *found]
        hosted = plan.run
        if not target.exported:
            found += _text_box(run)
            if plan.sampler in DISCARDS and run.grid.steps > 1:
                message = f"{plan.sampler} drops the last but one value, {run.levels[-2]:.6g}"
                found.append(Finding("dropped", message, "use the extension file of diffopt export --to forge: it keeps a spare"))
                hosted = None if hosted is None else hosted.with_levels(np.delete(hosted.levels, -2))
        return HostPlan(plan.sampler, hosted, found, told)

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """The extension's script."""
        name = f"diffopt_{run.solver.name}_{run.grid.steps}"
        return (
            f"{header(self.title, plan)}"
            "# Save as extensions/diffopt/scripts/diffopt_grid.py and restart; choose the schedule type below.\n"
            "import torch\nfrom modules import sd_schedulers\n\n"
            f'NAME, LABEL = "{name}", "{name.replace("_", " ")}"\n'
            f"SIGMAS = {python_list(run.levels, indent='')}\n{_BODY}"
        )

    def statement(self, run: Run, plan: HostPlan, target: HostQuery) -> list[str]:
        """What else is to be set."""
        extra = {key: value for key, value in options(plan).items() if key != "solver_type"}
        settings = f"; set {', '.join(f'{k} = {v}' for k, v in extra.items())} in Settings > Sampler parameters" if extra else ""
        return [f"choose sampler {plan.sampler} and {run.grid.steps} steps{settings}; leave hires fix off"]


def _text_box(run: Run) -> list[Finding]:
    """What the text box of webUI_ExtraSchedulers makes of the list."""
    if run.flow and run.levels[0] == 1:
        message = "the text box of webUI_ExtraSchedulers takes a list from 1.0 to 0.0 for fractions and rescales it"
        return [Finding("misread", message, "use diffopt export --to forge, or write 0.99999 first")]
    if run.levels[-1] != 0:
        message = "the text box of webUI_ExtraSchedulers resamples a list that does not end in 0 and appends 0"
        return [Finding("misread", message, "use diffopt export --to forge, or optimize with --end zero")]
    return []
