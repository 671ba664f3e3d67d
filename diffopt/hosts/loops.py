"""What the hosts that run k-diffusion's loops have in common: values verbatim, in single precision."""

from __future__ import annotations

import numpy as np

from diffopt.documents.options import CHURN
from diffopt.hosts.base import Host, HostQuery, Sampler
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.run import Run
from diffopt.hosts.single_precision import single

#: k-diffusion's loops, as all these hosts have them; flow models only where a host says so.
K_DIFFUSION: dict[str, Sampler] = {
    "euler": Sampler("euler", "euler", clock="sigma"),
    "ddim": Sampler("euler_ancestral", "euler_ancestral"),
    "euler_ancestral": Sampler("euler_ancestral", "euler_ancestral"),
    "ddpm": Sampler("euler_ancestral", "euler_ancestral"),
    "flow_ancestral": Sampler("euler_ancestral", "euler_ancestral"),
    "heun": Sampler("heun", "heun", clock="sigma"),
    "dpm_2": Sampler("dpm_2", "dpm_2", clock="sigma"),
    "dpm_2_ancestral": Sampler("dpm_2_ancestral", "dpm_2_ancestral"),
    "dpmpp_2s_ancestral": Sampler("dpmpp_2s_ancestral", "dpmpp_2s_ancestral"),
    "lms": Sampler("lms", "lms", clock="sigma", takes=("order",)),
    "dpmpp_2m": Sampler("dpmpp_2m", "dpmpp_2m"),
    "comfy_dpmpp_2m": Sampler("dpmpp_2m", "dpmpp_2m"),
    "dpmpp_sde": Sampler("dpmpp_sde", "dpmpp_sde"),
    "dpmpp_2m_sde": Sampler("dpmpp_2m_sde", "dpmpp_2m_sde"),
    "dpmpp_3m_sde": Sampler("dpmpp_3m_sde", "dpmpp_3m_sde"),
    "edm_stochastic": Sampler("heun", "edm_stochastic", takes=CHURN),
}


class LoopHost(Host):
    """A host that takes N + 1 values as they are and rounds them to single precision."""

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """The host's recurrence on single-precision levels."""
        plan = self.sampled(run)
        if plan.run is None:
            return plan
        hosted, findings = on_single_levels(plan.run)
        return HostPlan(plan.sampler, hosted, [*plan.findings, *findings, *ending(self.title, run)])


def on_single_levels(run: Run) -> tuple[Run | None, list[Finding]]:
    """The run on single-precision levels; None where two of them become one."""
    levels = single(run.levels)
    same = np.flatnonzero(np.diff(levels) >= 0)
    if same.size == 0:
        return run.with_levels(levels), []
    k = int(same[0])
    message = f"values {k} and {k + 1} ({levels[k]:.9g}) are the same number in single precision"
    return None, [Finding("duplicated", message, "use fewer steps or a smaller range")]


def ending(title: str, run: Run) -> list[Finding]:
    """A note where the run stops above 0."""
    last = float(run.levels[-1])
    if last == 0:
        return []
    return [Finding("note", f"the grid ends at {last:.6g}: {title} returns the state with noise of that level")]
