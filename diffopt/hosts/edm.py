"""NVIDIA's EDM generate.py: t_steps as code, or the flags of the nearest Karras grid."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.documents.options import CHURN
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.hosts.base import HostQuery, Sampler
from diffopt.hosts.edm_flags import churn_flags, grid_flags, nearest_karras
from diffopt.hosts.findings import Finding, FindingKind, HostPlan
from diffopt.hosts.loops import LoopHost
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import header
from diffopt.hosts.text import python_list

SAMPLERS: dict[str, Sampler] = {
    "heun": Sampler("edm_sampler", "heun", clock="sigma"),
    "edm_stochastic": Sampler("edm_sampler", "edm_stochastic", takes=CHURN),
    "euler": Sampler("ablation_sampler(solver='euler')", "euler", clock="sigma"),
}

#: Largest step in log sigma at which a Karras grid is the file's: that of single precision and of rho's printed digits.
SAME = 1e-5


class EDM(LoopHost):
    """generate.py of NVlabs/edm: always a last step to 0; no input for a grid, so code or flags."""

    name = "edm"
    title = "EDM"
    samplers: ClassVar = SAMPLERS
    processes = ("ve", "vp_linear", "vp_cosine", "table")
    variants: ClassVar = {"t_steps": "code that replaces t_steps", "flags": "flags of the Karras grid that fits best"}
    forms = ("t_steps", "flags")
    suffix = ".py"

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """Verbatim in double precision; with `flags` the fitted Karras grid."""
        plan = self.sampled(run)
        if plan.run is None:
            return plan
        found, hosted = [*plan.findings], plan.run
        if run.grid.sigmas[-1] != 0:
            message = f"EDM appends 0: it goes on from {run.grid.sigmas[-1]:.6g} to 0 with one step more"
            found.append(Finding("end", message, "optimize with --end zero"))
            hosted = hosted.with_levels(np.append(hosted.levels, 0.0))
        if target.variant == "flags":
            levels, _, gap = self._nearest(hosted)
            hosted = hosted.with_levels(np.append(levels, 0.0))
            message = f"the nearest Karras grid is up to {100 * np.expm1(gap):.3g} % away in sigma"
            kind: FindingKind = "note" if gap < SAME else "rounded"
            found.append(Finding(kind, message, "" if gap < SAME else "take --to edm:t_steps for the exact grid"))
        elif not target.exported:
            found.append(self._as_flags(hosted))
        return HostPlan(plan.sampler, hosted, found)

    def _nearest(self, run: Run) -> tuple[Array, float, float]:
        """Levels above 0 and rho of the nearest Karras grid, and the largest step to it in log sigma."""
        levels, rho = self._fit(run)
        return levels, rho, float(np.max(np.abs(np.log(levels / run.levels[:-1]))))

    def _as_flags(self, run: Run) -> Finding:
        """What becomes of the file's numbers: nothing is lost where they are a Karras grid."""
        message = "generate.py takes no list of sigmas, only --sigma_min, --sigma_max and --rho"
        if run.grid.steps > 1:
            levels, rho, gap = self._nearest(run)
            if gap < SAME:
                return Finding("note", f"{message}, and {grid_flags(levels, rho)} is this grid")
        return Finding("dropped", message, "paste the code of diffopt export --to edm, or the flags of --to edm:flags")

    def _fit(self, run: Run) -> tuple[Array, float]:
        """The nearest Karras grid, where there is one."""
        if run.levels.size < 3:
            raise UnsupportedError("a grid of one step has no family; take --to edm:t_steps")
        return nearest_karras(run.levels[:-1])

    def _flags(self, run: Run) -> str:
        """Steps and the nearest Karras grid as generate.py takes them."""
        return grid_flags(*self._fit(run))

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """Six lines that replace the time steps, or the flags; of a Karras grid both, the flags first."""
        assert plan.run is not None
        churn = f" {churn_flags(vars(run.solver))}" if run.solver.churns else ""
        solver = " --solver=euler" if run.solver.name == "euler" else ""
        steps = plan.run.grid.steps
        if target.variant == "flags":
            return f"{self._flags(plan.run)}{solver}{churn}\n"
        same = ""
        if steps > 1 and self._nearest(plan.run)[2] < SAME:
            same = f"# generate.py {self._flags(plan.run)}{solver}{churn}\n# makes this grid without a change of code. Or:\n"
        return (
            f"{header(self.title, plan)}{same}"
            f"# In {plan.sampler.partition('(')[0]} of generate.py, instead of the lines that make t_steps;"
            f" run it with --steps={steps}{solver}{churn}.\n"
            f"t_steps = torch.as_tensor({python_list(run.levels[:steps], indent='')},\n"
            "                          dtype=torch.float64, device=latents.device)\n"
            "t_steps = torch.cat([net.round_sigma(t_steps), torch.zeros_like(t_steps[:1])])\n"
        )

    def statement(self, run: Run, plan: HostPlan, target: HostQuery) -> list[str]:
        """What round_sigma does."""
        return ["net.round_sigma changes nothing on EDM, VP and VE networks; iDDPM networks round to their own levels"]
