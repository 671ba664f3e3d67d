"""What a host is: a program that runs a grid, with names, conventions and formulas of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from diffopt.documents.options import fields_of
from diffopt.errors import UnsupportedError
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.run import Run, same_recurrence
from diffopt.law.start import Start
from diffopt.solvers import SOLVERS, Solver


@dataclass(frozen=True)
class Sampler:
    """A sampler of a host, in our terms.

    Attributes
    ----------
    name : str
        Its name there.
    solver : str or None
        Our solver on models of noise ratios; None where it has no closed form here.
    flow : str or None
        Our solver on flow models.
    clock, flow_clock : str or None
        Clocks of the two, where they have one.
    eta : float or None
        Value the host fixes; None where the user sets one number.
    takes : tuple of str
        Options of our solver that the host has too.
    fixed : mapping
        Options that the host's code fixes otherwise than ours.
    reason : str
        Why a None above is refused, and what to take instead.
    """

    name: str
    solver: str | None
    flow: str | None = None
    clock: str | None = None
    flow_clock: str | None = None
    eta: float | None = None
    reason: str = ""
    takes: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def solver_for(self, flow: bool, given: Solver) -> Solver | None:
        """Our solver object for a model kind, with those of the given one's options that the host has."""
        name, clock = (self.flow, self.flow_clock) if flow else (self.solver, self.clock)
        if name is None:
            return None
        own: dict[str, Any] = {key: getattr(given, key) for key in self.takes if key in fields_of(type(given))}
        if clock is not None:
            own["clock"] = clock
        made: Solver = SOLVERS[name](**own, **self.fixed)
        return made


@dataclass(frozen=True)
class HostQuery:
    """How a host is asked.

    Attributes
    ----------
    variant : str or None
        Scheduler or form of the host, as in `diffusers:HeunDiscreteScheduler`.
    config : mapping
        The model's scheduler configuration, as far as known.
    exported : bool
        Whether the values are written by `export` (or handed over as the file has them).
    """

    variant: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    exported: bool = False


class Host(ABC):
    """A program that runs grids.

    The author of a host writes :meth:`plan`, what the host really runs, and :meth:`write`, the text it takes.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    #: Our solver's name -> the sampler there.
    samplers: ClassVar[Mapping[str, Sampler]]
    #: Forms after a colon, with what they are; the first is the default.
    variants: ClassVar[Mapping[str, str]] = {}
    #: Forms whose check is of what `export` writes.
    forms: ClassVar[tuple[str, ...]] = ()
    #: Processes the host's models can have.
    processes: ClassVar[tuple[str, ...]] = ("ve", "vp_linear", "vp_cosine", "table", "flow")
    #: Law of the initial state there.
    start: ClassVar[Start] = "sigma"
    #: Whether a last step to 0 is the natural end.
    end: ClassVar[str] = "zero"
    suffix: ClassVar[str] = ".txt"
    #: Whether a model's configuration says anything about a run there.
    reads_config: ClassVar[bool] = False
    #: What the values of a flow model are there, for a sentence beside them; empty where the host says more of them.
    flow_values: ClassVar[str] = "s as each step visits it, shifted already: nothing there shifts them again"
    #: What the host has in the place of pure noise, for a message.
    pure_noise: ClassVar[str] = ""

    @abstractmethod
    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """What the host runs when it is handed `run`."""

    @abstractmethod
    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str | bytes:
        """Text (or bytes) that the host reads."""

    def statement(self, run: Run, plan: HostPlan, target: HostQuery) -> list[str]:
        """Sentences for the user: where the text goes and what else is to be set."""
        del run, plan, target
        return []

    def whole(self, run: Run, target: HostQuery) -> bool:
        """Whether the host takes whole timesteps only."""
        del run, target
        return False

    # --- parts that hosts share ------------------------------------------------------------------

    def check_process(self, run: Run) -> None:
        """Refuse processes the host's models cannot have.

        Raises
        ------
        UnsupportedError
            Naming those it can.
        """
        if run.process.name not in self.processes:
            raise UnsupportedError(
                f"host {self.name!r} cannot run a grid of process {run.process.name!r}; it runs {', '.join(self.processes)}"
            )
        if not run.flow and not np.isfinite(run.grid.sigmas[0]):
            raise UnsupportedError(
                f"host {self.name!r} takes finite sigmas and the grid starts at pure noise; optimize with a finite --sigma-max"
                f"{self.pure_noise}"
            )

    def sampled(self, run: Run, sampler: Sampler | None = None) -> HostPlan:
        """Plan with the host's recurrence, eta and start law on an unchanged grid.

        Raises
        ------
        UnsupportedError
            A process or a solver that the host does not have.
        """
        self.check_process(run)
        sampler = sampler or self.samplers.get(run.solver.name)
        if sampler is None:
            known = ", ".join(name for name, s in self.samplers.items() if (s.flow if run.flow else s.solver) is not None)
            raise UnsupportedError(f"host {self.name!r} has no sampler that is {run.solver.name!r}; it has {known}")
        solver = sampler.solver_for(run.flow, run.solver)
        if solver is None:
            finding = Finding("refused", f"{sampler.name} of {self.title}: {sampler.reason}", "")
            return HostPlan(sampler.name, None, [finding])
        eta, findings = self._eta(run, sampler, solver)
        findings += self._recurrence(run, run.with_solver(solver, eta), sampler)
        start, more = self.start_law(run)
        hosted = Run(run.grid, solver, solver.etas(eta, run.grid.steps), start)
        return HostPlan(sampler.name, hosted, findings + more)

    def start_law(self, run: Run) -> tuple[Start, list[Finding]]:
        """Initial law of the host for this grid, and a finding where the file assumes another."""
        return self.start, start_findings(self.title, run, self.start)

    def _eta(self, run: Run, sampler: Sampler, solver: Solver) -> tuple[float | None, list[Finding]]:
        eta = run.eta if run.solver.eta_meaning is not None else np.zeros(run.grid.steps)
        if solver.eta_meaning is None:
            if not np.any(eta):
                return None, []
            message = f"{sampler.name} of {self.title} injects no noise; the file says eta {_span(eta)}"
            return None, [Finding("eta", message, f"optimize with --solver {solver.name}")]
        if sampler.eta is not None:
            if np.allclose(eta, sampler.eta):
                return sampler.eta, []
            message = f"{sampler.name} of {self.title} has no eta, it always runs {sampler.eta:g}; the file says {_span(eta)}"
            return sampler.eta, [Finding("eta", message, f"optimize with --eta {sampler.eta:g}, or take a host with eta")]
        mean = one_eta(eta)
        if np.allclose(eta, eta[0]):
            return mean, []
        message = f"{self.title} takes one eta for all steps; the file has {_span(eta)}, the mean {mean:.6g} is used"
        return mean, [Finding("eta", message, "optimize with --free grid,eta (one number) instead of eta_per_step")]

    def _recurrence(self, run: Run, hosted: Run, sampler: Sampler) -> list[Finding]:
        if same_recurrence(run.with_solver(run.solver, _eta_of(run, hosted)), hosted):
            return []
        ours, theirs = described(run), described(hosted)
        message = f"{sampler.name} of {self.title} is {theirs} on this model, not {ours}"
        return [Finding("recurrence", message, f"optimize with {flags(hosted)}")]


def one_eta(eta: np.ndarray) -> float:
    """The number that stands for all steps where a host takes one: theirs, or the mean of several."""
    return float(eta[0] if np.allclose(eta, eta[0]) else eta.mean())


def _eta_of(run: Run, hosted: Run) -> float | None:
    """The host's eta for the file's own solver: a change of eta is a finding of its own."""
    if run.solver.eta_meaning is None:
        return None
    return float(hosted.eta[0]) if hosted.solver.eta_meaning is not None else 0.0


def described(run: Run) -> str:
    """Solver and clock."""
    clock = run.solver.clock_name(run.process)
    return _named(run.solver) + (f" in the {clock} clock" if clock else "")


def flags(run: Run) -> str:
    """The flags that optimize for this run."""
    clock = run.solver.clock_name(run.process)
    return f"--solver {_named(run.solver)}" + (f" --clock {clock}" if clock else "")


def _named(solver: Solver) -> str:
    """Name with those options that are not the default's."""
    plain, own = type(solver)(), vars(solver)
    said = {k: own[k] for k in fields_of(type(solver)) if k != "clock" and own[k] != getattr(plain, k)}
    text = ",".join(f"{k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in said.items())
    return solver.name + (f":{text}" if text else "")


def start_findings(title: str, run: Run, start: Start) -> list[Finding]:
    """A finding where the file's initial law is another one and it matters."""
    if run.start == start or not np.isfinite(run.grid.sigmas[0]):
        return []
    laws = {"sigma": "N(0, sigma_0^2)", "unit": "N(0, 1 + sigma_0^2)", "exact": "the exact marginal"}
    message = f"{title} starts from {laws[start]}; the file assumes {laws[run.start]}"
    return [Finding("start", message, f"optimize with --start {start}")]


def _span(eta: np.ndarray) -> str:
    low, high = float(eta.min()), float(eta.max())
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
