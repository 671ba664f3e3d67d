"""Schedulers that take sigmas: EulerDiscrete, and EDMEuler by its ramp."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.hosts.base import Sampler
from diffopt.hosts.diffusers.config import Config
from diffopt.hosts.diffusers.scheduler import Call, Scheduler
from diffopt.hosts.findings import Finding
from diffopt.hosts.run import Run
from diffopt.hosts.single_precision import single
from diffopt.law.start import Start

_CHURN = (
    "its s_churn adds the noise after the network was called and never removes the last of it (theory.md, section 28); "
    "take --to k_diffusion or edm, or optimize with --solver euler"
)


class SpacedStart(Scheduler):
    """A scheduler whose initial law follows the model's timestep_spacing."""

    def start(self, run: Run, config: Config) -> Start:
        """sigma_0 n, or sqrt(1 + sigma_0^2) n with "leading" spacing."""
        return spaced_start(config)

    def start_law(self, run: Run, config: Config) -> tuple[Start | None, list[Finding]]:
        """The file's own law where no configuration says the spacing."""
        if run.flow or config.values or run.start != "unit":
            return super().start_law(run, config)
        return "unit", [unsaid_spacing(self.name)]


class EulerDiscrete(SpacedStart):
    """`sigmas=`: N + 1 values, kept in single precision; the timestep is looked up in the model's table."""

    name = "EulerDiscreteScheduler"
    samplers: ClassVar = {
        "euler": Sampler(name, "euler", clock="sigma"),
        "ddim": Sampler(name, "euler", clock="sigma"),
        "edm_stochastic": Sampler(name, None, reason=_CHURN),
    }
    own_grid = "ignores the flag for a user's sigmas"

    def own_grid_findings(self, config: Config) -> list[Finding]:
        """The flag is ignored."""
        flag = config.own_grid
        return [] if flag is None else [Finding("note", f"{self.name} ignores {flag} when sigmas are given")]

    def call(self, run: Run, config: Config) -> Call:
        """All N + 1 values."""
        return Call("sigmas", run.levels)

    def verbatim(self, run: Run, config: Config) -> Call:
        """The same."""
        return self.call(run, config)

    def levels(self, run: Run, call: Call, config: Config) -> tuple[Array, list[Finding]]:
        """Single precision; values outside the table keep their sigma and lose their timestep."""
        got = single(call.values)
        found = []
        if got[-1] != 0:
            message = f"the grid ends at {got[-1]:.6g}: the pipeline decodes a latent with noise of that level"
            found.append(Finding("note", message, "optimize with --end zero"))
        table = config.levels(run)
        if table is not None and not config.continuous:
            found += outside(got, table)
        return got, found


def spaced_start(config: Config) -> Start:
    """Law by timestep_spacing: of init_noise_sigma."""
    return "unit" if config.get("timestep_spacing", "linspace") == "leading" else "sigma"


def unsaid_spacing(name: str) -> Finding:
    """That the law follows the model's spacing, which no configuration says."""
    message = (
        f"{name} starts from N(0, 1 + sigma_0^2), as the file assumes, with timestep_spacing leading (SD 1.5, SDXL), and from "
        "N(0, sigma_0^2) with others"
    )
    return Finding("note", message, "give the model's --scheduler-config")


def outside(levels: Array, table: Array) -> list[Finding]:
    """Values the model's table does not reach."""
    last = table.size - 1
    above = levels > table[-1] * (1 + 1e-6)
    below = (levels > 0) & (levels < table[0] * (1 - 1e-6))
    repair = f"optimize with --sigma-max {table[-1]:.6g} (or --process table)"
    found = []
    if above.sum() >= 2:
        message = (
            f"{above.sum()} values lie above the model's largest level {table[-1]:.6g} and share timestep {last}: "
            "the run starts at the second and ends in an IndexError"
        )
        found.append(Finding("clipped", message, repair))
    elif above.sum() == 1:
        message = f"sigma {levels[0]:.6g} is above the model's largest level {table[-1]:.6g}; the network is told timestep {last}"
        found.append(Finding("clipped", message, repair))
    if below.any():
        message = f"{below.sum()} values lie below the model's smallest level {table[0]:.6g}; the network is told timestep 0"
        found.append(Finding("conditioning", message, f"optimize with --sigma-min {table[0]:.6g}"))
    return found


class EDMEuler(Scheduler):
    """`sigmas=` is the ramp of the Karras rule in [0, 1]: N values, no final 0, a tensor.

    ramp = (sigma_max^(1/rho) - sigma^(1/rho))/(sigma_max^(1/rho) - sigma_min^(1/rho)).
    """

    name = "EDMEulerScheduler"
    samplers: ClassVar = {"euler": Sampler(name, "euler", clock="sigma"), "ddim": Sampler(name, "euler", clock="sigma")}

    def call(self, run: Run, config: Config) -> Call:
        """The ramp that comes back to the levels."""
        high, low, rho = self._rule(run, config)
        ramp = (high ** (1 / rho) - run.levels[:-1] ** (1 / rho)) / (high ** (1 / rho) - low ** (1 / rho))
        rule = {"sigma_max": high, "sigma_min": low, "rho": rho, "sigma_schedule": "karras", "final_sigmas_type": "zero"}
        return Call("sigmas", np.asarray(ramp), "tensor", rule)

    def _rule(self, run: Run, config: Config) -> tuple[float, float, float]:
        return float(config.get("sigma_max", 80.0)), float(config.get("sigma_min", 0.002)), float(config.get("rho", 7.0))

    def verbatim(self, run: Run, config: Config) -> Call:
        """Sigmas where the ramp belongs."""
        return Call("sigmas", run.levels[:-1], "tensor", {})

    def levels(self, run: Run, call: Call, config: Config) -> tuple[Array, list[Finding]]:
        """What the rule makes of the ramp, then 0."""
        high, low, rho = self._rule(run, config)
        base = high ** (1 / rho) + call.values * (low ** (1 / rho) - high ** (1 / rho))
        made = np.sign(base) * np.abs(base) ** rho
        found = []
        if call.options.get("sigma_schedule", config.get("sigma_schedule", "karras")) != "karras":
            made = np.geomspace(high, low, call.values.size)
            message = "the exponential rule of EDMEulerScheduler uses only the number of values"
            found.append(Finding("dropped", message, "set sigma_schedule='karras', as the export does"))
        got = np.append(single(made), 0.0)
        if call.values.max(initial=0.0) > 1 + 1e-9:
            message = "EDMEulerScheduler takes sigmas for the ramp of its rule in [0, 1]: these would become huge negative levels"
            found.append(Finding("misread", message, "pass the ramp that diffopt export --to diffusers:EDMEulerScheduler writes"))
        if run.levels[-1] != 0:
            message = f"the scheduler ends at 0, the grid at {run.levels[-1]:.6g}"
            found.append(Finding("end", message, "optimize with --end zero"))
        return got, found

    def start(self, run: Run, config: Config) -> Start:
        """sqrt(1 + sigma_max^2) n with the configured sigma_max."""
        return "unit"
