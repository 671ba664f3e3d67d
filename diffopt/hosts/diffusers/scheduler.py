"""What a scheduler class of diffusers takes and does to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.hosts.base import Host, Sampler, start_findings
from diffopt.hosts.diffusers.config import Config, matching_levels
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.nearest import clipped_level
from diffopt.hosts.run import Run
from diffopt.law.start import Start

#: Relative change of a level that counts as another grid: beyond single precision.
ALTERED = 1e-5


@dataclass(frozen=True, eq=False)
class Call:
    """Arguments of `set_timesteps` (or of the pipeline), and the configuration they need.

    Attributes
    ----------
    argument : str
        `sigmas` or `timesteps`.
    values : ndarray
        What is passed.
    kind : {"list", "array", "tensor"}
        How it has to be passed.
    options : mapping
        Keys of the scheduler's configuration.
    comment : str
        What the values are where they are not the grid's own, as the file says it.
    """

    argument: str
    values: Array
    kind: str = "list"
    options: Mapping[str, Any] = field(default_factory=dict)
    comment: str = ""


class Scheduler(ABC):
    """A class of diffusers; authors write what it takes (:meth:`call`) and what comes out (:meth:`levels`)."""

    name: ClassVar[str]
    #: Our solver's name -> sampler.
    samplers: ClassVar[Mapping[str, Sampler]]
    processes: ClassVar[tuple[str, ...]] = ("ve", "vp_linear", "vp_cosine", "table")
    #: Whether `set_timesteps` takes a grid at all; else only the snippet sets one.
    native: ClassVar[bool] = True
    #: Whether inner points of the grid stand twice in its lists.
    twice: ClassVar[bool] = False
    #: What it answers to a flag that makes its own grid.
    own_grid: ClassVar[str] = "raises ValueError for a user's grid"

    @abstractmethod
    def call(self, run: Run, config: Config) -> Call:
        """Right arguments for a run."""

    @abstractmethod
    def levels(self, run: Run, call: Call, config: Config) -> tuple[Array, list[Finding]]:
        """Levels (N + 1) that the scheduler visits for given arguments."""

    @abstractmethod
    def verbatim(self, run: Run, config: Config) -> Call:
        """Arguments of somebody who passes the file's numbers on."""

    def sampler(self, run: Run) -> Sampler | None:
        """Sampler that an export sets up for a run; None where the scheduler has none."""
        return self.samplers.get(run.solver.name)

    def takes(self, run: Run) -> bool:
        """Whether `set_timesteps` has an argument for the grid of this run."""
        del run
        return self.native

    def options(self, run: Run) -> dict[str, Any]:
        """Configuration that makes the scheduler run the solver exactly."""
        del run
        return {}

    def exact_options(self, run: Run) -> dict[str, Any]:
        """Configuration where the snippet sets the grid."""
        return self.options(run)

    def placed(self, run: Run) -> Array:
        """Levels that the snippet sets."""
        return run.levels.copy()

    def start(self, run: Run, config: Config) -> Start:
        """Law of the initial state in the pipelines."""
        del run, config
        return "unit"

    def start_law(self, run: Run, config: Config) -> tuple[Start | None, list[Finding]]:
        """That law, and a finding where the file assumes another; flow models start from N(0, 1)."""
        if not run.flow:
            start = self.start(run, config)
            return start, start_findings(self.name, run, start)
        if run.levels[0] >= 1 - 1e-5:
            return run.start, []
        message = f"pipelines start from N(0, 1), the law at s = 1; the grid starts at s = {run.levels[0]:.6g}"
        return None, [Finding("start", message, "optimize from pure noise: no --sigma-max, no --t-max")]

    def configured(self, run: Run, config: Config) -> Sampler | None:
        """Sampler that the user's own configuration runs; None where it says nothing."""
        del run, config
        return None

    def refused(self, run: Run) -> str:
        """Why it cannot run this grid, if so."""
        del run
        return ""

    def own_grid_findings(self, config: Config) -> list[Finding]:
        """What a flag for a grid of its own does."""
        flag = config.own_grid
        if flag is None:
            return []
        return [Finding("dropped", f"{self.name} {self.own_grid} while {flag} is set", f"set {flag}=False, as the export does")]


def needed_levels(run: Run, config: Config, name: str) -> Array:
    """Noise ratios by index.

    Raises
    ------
    InputError
        Where neither the schedule nor the config knows them.
    """
    levels = config.levels(run)
    if levels is None:
        raise InputError(
            f"{name} sets its grid by timesteps and the model's levels are not known: give --scheduler-config FILE, "
            "or optimize with --process table"
        )
    return levels


def deviation(wish: Array, got: Array) -> float:
    """Largest relative change of a level; 0 stays 0."""
    positive = wish > 0
    return float(np.max(np.abs(got[positive] / wish[positive] - 1))) if wish.shape == got.shape else float("inf")


def plan_for(scheduler: Scheduler, host: Host, run: Run, config: Config, exported: bool) -> HostPlan:
    """Recurrence, values, start law of a scheduler, in this order."""
    if run.process.name not in scheduler.processes:
        message = f"{scheduler.name} does not run {run.process.name!r} models, only {', '.join(scheduler.processes)}"
        repair = "take diffopt export --to diffusers without a scheduler's name"
        return HostPlan(scheduler.name, None, [Finding("refused", message, repair)])
    base = plan_recurrence(scheduler, host, run, config, exported)
    if base.run is None:
        return base
    findings = [f for f in base.findings if f.kind != "start"]
    call = scheduler.call(run, config) if exported else scheduler.verbatim(run, config)
    if not exported:
        findings += scheduler.own_grid_findings(config)
    levels, found = scheduler.levels(base.run, call, config)
    findings += found
    gone = matching_levels(config.levels(run), run)
    if gone is not None:
        findings.append(Finding("conditioning", gone, "optimize for this model: --process table --scheduler-config FILE"))
    hosted = _hosted(base.run, levels, findings)
    start, more = scheduler.start_law(run, config)
    told = None if hosted is None else clipped_level(hosted, config)
    return HostPlan(scheduler.name, _started(hosted, start), findings + more, told)


def plan_recurrence(scheduler: Scheduler, host: Host, run: Run, config: Config, exported: bool) -> HostPlan:
    """The scheduler's recurrence on the file's grid; in a check as its own configuration says."""
    if not exported and config.values:
        other = contradiction(scheduler, run, config)
        if other is not None:
            return HostPlan(scheduler.name, None, [other])
    sampler = None if exported or not config.values else scheduler.configured(run, config)
    sampler = sampler or scheduler.sampler(run)
    if sampler is None:
        known = ", ".join(dict.fromkeys(s for a in scheduler.samplers.values() if (s := a.flow if run.flow else a.solver)))
        message = f"{scheduler.name} runs {known or 'other recurrences'}, not {run.solver.name}"
        repair = "diffopt export --to diffusers:snippet names the scheduler for the solver"
        return HostPlan(scheduler.name, None, [Finding("refused" if exported else "recurrence", message, repair)])
    return host.sampled(run, sampler)


def contradiction(scheduler: Scheduler, run: Run, config: Config) -> Finding | None:
    """What in a model's configuration no exact law covers, or belongs to another kind of model."""
    if config.get("thresholding", False):
        message = f"{scheduler.name} clips x_0 (thresholding), which no exact law covers"
        return Finding("refused", message, "set thresholding=False")
    if "flow" not in scheduler.processes or len(scheduler.processes) == 1:
        return None
    flow = bool(config.get("use_flow_sigmas", False))
    if flow == run.flow:
        return None
    kinds = ("a flow model (use_flow_sigmas)", "a model of noise ratios (no use_flow_sigmas)")
    own, other = kinds if flow else kinds[::-1]
    message = f"{scheduler.name} is configured for {own}, the grid is for {other}"
    return Finding("refused", message, "optimize for this model with --scheduler-config FILE, or export, which sets the keys")


def _started(run: Run | None, start: Start | None) -> Run | None:
    """The run with the host's initial law; None where that law has no name here."""
    return None if run is None or start is None else Run(run.grid, run.solver, run.eta, start)


def _hosted(run: Run, levels: Array, findings: list[Finding]) -> Run | None:
    """The run on the host's levels; None where they are no grid."""
    wish = run.levels
    if not np.all(levels[:-1] > levels[1:]):
        if not any(f.kind in ("duplicated", "misread", "dropped") for f in findings):
            k = int(np.flatnonzero(~(levels[:-1] > levels[1:]))[0])
            findings.append(Finding("duplicated", f"values {k} and {k + 1} both become {levels[k]:.6g}", "use fewer steps"))
        return None
    gap = deviation(wish, levels)
    kinds = {f.kind for f in findings}
    if gap > ALTERED and not kinds & {"reshifted", "rounded", "dropped", "end", "misread", "clipped"}:
        message = f"levels move by up to {100 * gap:.3g} %"
        findings.append(Finding("rounded", message, "take --to diffusers:snippet for the exact grid"))
    return run.with_levels(levels)
