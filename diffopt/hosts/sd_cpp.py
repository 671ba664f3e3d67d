"""stable-diffusion.cpp: a flag, or JSON for its server."""

from __future__ import annotations

import json
from typing import ClassVar

from diffopt.hosts.base import HostQuery, Sampler
from diffopt.hosts.findings import HostPlan
from diffopt.hosts.loops import LoopHost
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import options
from diffopt.hosts.text import comma, fixed_point

_ANCESTRAL = Sampler("euler_a", "euler_ancestral", "flow_ancestral")
_CHURN = "it has no churn; take --to k_diffusion or edm, or optimize with --solver heun"
_SDE = (
    "on flow models it puts s into the formula for sigma, which is neither the SDE nor ComfyUI's scheme of that name; "
    "optimize with --solver flow_ancestral or comfy_dpmpp_2m"
)

SAMPLERS: dict[str, Sampler] = {
    "euler": Sampler("euler", "euler", "euler", "sigma", "sigma"),
    "ddim": _ANCESTRAL,
    "ddpm": _ANCESTRAL,
    "euler_ancestral": _ANCESTRAL,
    "flow_ancestral": _ANCESTRAL,
    "heun": Sampler("heun", "heun", "heun", "sigma", "time"),
    "dpm_2": Sampler("dpm2", "dpm_2", "dpm_2", "sigma", "time"),
    "dpmpp_2m": Sampler("dpm++2m", "dpmpp_2m", "comfy_dpmpp_2m"),
    "comfy_dpmpp_2m": Sampler("dpm++2m", "dpmpp_2m", "comfy_dpmpp_2m"),
    "dpmpp_2m_sde": Sampler("dpm++2m_sde", "dpmpp_2m_sde", None, reason=_SDE),
    "edm_stochastic": Sampler("heun", None, reason=_CHURN),
}


class SDCpp(LoopHost):
    """`sd-cli --sigmas "..." --sampling-method NAME`; N + 1 values with the final 0, start noise sigma_0 n."""

    name = "sd_cpp"
    reads_config = True
    title = "stable-diffusion.cpp"
    samplers: ClassVar = SAMPLERS
    variants: ClassVar = {"flags": "flags of the command line", "json": "sample_params of the server"}

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """The flags, or the JSON of `sd_cpp:json`."""
        values, extra = run.levels, options(plan)
        if target.variant == "json":
            parameters: dict[str, object] = {
                "sample_method": plan.sampler, "sample_steps": run.grid.steps, "custom_sigmas": [float(v) for v in values],
            }  # fmt: skip
            if "eta" in extra:
                parameters["eta"] = extra["eta"]
            return json.dumps({"sample_params": parameters}, indent=2) + "\n"
        eta = f" --eta {fixed_point(float(extra['eta']))}" if "eta" in extra else ""
        return f'--sampling-method {plan.sampler} --steps {run.grid.steps}{eta} --sigmas "{comma(values)}"\n'

    def statement(self, run: Run, plan: HostPlan, target: HostQuery) -> list[str]:
        """What else to mind."""
        return ["give --sigmas once: a second one is appended to the first", "--steps is lowered to len(sigmas) - 1"]
