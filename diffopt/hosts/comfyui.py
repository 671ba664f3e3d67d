"""ComfyUI: the string of a ManualSigmas node, or a whole workflow in API format."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np

from diffopt.hosts.base import HostQuery, Sampler, start_findings
from diffopt.hosts.comfyui_graph import PLACEHOLDERS, workflow
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.loops import LoopHost, ending, on_single_levels
from diffopt.hosts.nearest import nearest_level
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import options
from diffopt.hosts.text import comma
from diffopt.law.start import Start

_ANCESTRAL = Sampler("euler_ancestral", "euler_ancestral", "flow_ancestral")
_2M = Sampler("dpmpp_2m", "dpmpp_2m", "comfy_dpmpp_2m")
_UNIPC = "on flow models it steps in s with coefficients that no solver here has; optimize with --solver comfy_dpmpp_2m"
_END = (
    "it replaces a final 0 by 0.001, in the SIGMAS tensor itself, so that later nodes end there too, and loses digits; "
    "optimize with --end sigma_min (exact), or with --solver dpmpp_2m"
)
_PATH = "on flow models the two noises of a step are parts of a path in s, not in sigma; optimize with --solver dpmpp_2m_sde"
_FLOW = "on flow models it has a scheme of its own (_RF); optimize with --solver flow_ancestral, dpmpp_2m_sde or heun"
_CHURN = "no core node sets churn; take --to k_diffusion or edm, or optimize with --solver heun"

SAMPLERS: dict[str, Sampler] = {
    "euler": Sampler("euler", "euler", "euler", "sigma", "sigma"),
    "ddim": _ANCESTRAL,
    "ddpm": _ANCESTRAL,
    "euler_ancestral": _ANCESTRAL,
    "flow_ancestral": _ANCESTRAL,
    "heun": Sampler("heun", "heun", "heun", "sigma", "time"),
    "dpm_2": Sampler("dpm_2", "dpm_2", "dpm_2", "sigma", "time"),
    "dpm_2_ancestral": Sampler("dpm_2_ancestral", "dpm_2_ancestral", reason=_FLOW),
    "dpmpp_2s_ancestral": Sampler("dpmpp_2s_ancestral", "dpmpp_2s_ancestral", reason=_FLOW),
    "lms": Sampler("lms", "lms", "lms", "sigma", "time", fixed={"euler_at_final": True}),
    "ipndm": Sampler("ipndm", "ipndm", "ipndm", "sigma", "time"),
    "dpmpp_2m": _2M,
    "comfy_dpmpp_2m": _2M,
    "dpmpp_2m_sde": Sampler("dpmpp_2m_sde", "dpmpp_2m_sde", "dpmpp_2m_sde"),
    "dpmpp_3m_sde": Sampler("dpmpp_3m_sde", "dpmpp_3m_sde", "dpmpp_3m_sde"),
    "dpmpp_sde": Sampler("dpmpp_sde", "dpmpp_sde", reason=_PATH),
    "unipc": Sampler("uni_pc", "unipc", None, reason=_UNIPC),
    "edm_stochastic": Sampler("heun", None, None, reason=_CHURN),
}

#: Samplers in half-log-SNR start at s(1 - 1e-4) of an unshifted flow model instead of s = 1, where it is infinite.
OFFSET = ("dpmpp_2m_sde", "dpmpp_3m_sde")
FIRST_BELOW_ONE = 1 - 1e-4


class ComfyUI(LoopHost):
    """ComfyUI with SamplerCustom: N + 1 values verbatim; s on flow models, already shifted."""

    name = "comfyui"
    reads_config = True
    title = "ComfyUI"
    samplers: ClassVar = SAMPLERS
    pure_noise = " (4518 is what it puts there for zero terminal SNR)"
    variants: ClassVar = {"sigmas": "text for a ManualSigmas node", "workflow": "a workflow in API format"}

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """Verbatim values; conditioning on the nearest trained level."""
        moved: list[Finding] = []
        if run.flow and run.solver.name in OFFSET and run.levels[0] == 1:
            run = run.with_levels([FIRST_BELOW_ONE, *run.levels[1:]])
            message = f"{run.solver.name} of ComfyUI moves a first s of 1 to {FIRST_BELOW_ONE:g} (more on a shifted model)"
            moved = [Finding("clipped", message, f"optimize with --t-max {FIRST_BELOW_ONE:g}")]
        plan = self._unipc(run) if run.solver.name == "unipc" else super().plan(run, target)
        told, found = nearest_level(run, target, self.title)
        found = [*moved, *plan.findings, *found]
        if not target.exported:
            found += _exponents(run)
        return HostPlan(plan.sampler, plan.run, found, told)

    def _unipc(self, run: Run) -> HostPlan:
        """Order 3, or fewer on short grids; bh1 and bh2 are two samplers; a last step to 0 is refused."""
        variant = str(run.option("variant", "bh2"))
        name = "uni_pc" if variant == "bh1" else "uni_pc_bh2"
        if not run.flow and run.levels[-1] == 0:
            return HostPlan(name, None, [Finding("refused", f"{name} of {self.title}: {_END}")])
        rule = {"order": max(1, min(3, run.grid.steps - 1)), "variant": variant, "lower_order_final": True}
        plan = self.sampled(run, Sampler(name, "unipc", None, reason=_UNIPC, fixed=rule))
        if plan.run is None:
            return plan
        hosted, findings = on_single_levels(plan.run)
        return HostPlan(name, hosted, [*plan.findings, *findings, *ending(self.title, run)])

    def start_law(self, run: Run) -> tuple[Start, list[Finding]]:
        """sqrt(1 + sigma_0^2) n where sigma_0 reaches the model's largest level, sigma_0 n below it."""
        top = run.process.sigma_limits[0]
        full = not run.flow and np.isfinite(top) and run.grid.sigmas[0] >= top * (1 - 1e-5)
        start: Start = "unit" if full else "sigma"
        return start, start_findings(self.title, run, start)

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """Text for the node, or the workflow."""
        if target.variant == "workflow":
            return json.dumps(workflow(run, plan), indent=2) + "\n"
        return comma(run.levels) + "\n"

    def statement(self, run: Run, plan: HostPlan, target: HostQuery) -> list[str]:
        """Where it goes."""
        extra = options(plan)
        node = f"a node for it with {', '.join(f'{k} {v}' for k, v in extra.items())}" if extra else "KSamplerSelect"
        wired = f"ManualSigmas -> SamplerCustom, sampler {plan.sampler} ({node}); the plain KSampler takes no sigmas"
        return [wired, PLACEHOLDERS] if target.variant == "workflow" else [wired]


def _exponents(run: Run) -> list[Finding]:
    """Values that shortest-text formatting writes with an exponent."""
    bad = [repr(float(v)) for v in run.levels if "e" in repr(float(v))]
    if not bad:
        return []
    message = f"ManualSigmas reads no exponents: {bad[0]} pasted as it is becomes {' and '.join(bad[0].split('e'))}"
    return [Finding("misread", message, "paste the text of diffopt export --to comfyui (fixed-point)")]
