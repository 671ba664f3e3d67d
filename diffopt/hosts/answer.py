"""Exports and checks as values: text, findings, and the errors before and after."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import DiffoptError, InputError, UnsupportedError
from diffopt.hosts import ALIASES, HOSTS
from diffopt.hosts.ays import ays_findings
from diffopt.hosts.base import Host, HostQuery, described
from diffopt.hosts.errors import run_errors
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.ranges import family, range_findings
from diffopt.hosts.run import Run
from diffopt.hosts.single_precision import MOST
from diffopt.solvers.model_error import ModelError


@dataclass(frozen=True, eq=False)
class Exported:
    """What a host does with the text that `export` writes: the command, whether it alters the run, its errors."""

    command: str
    altered: bool
    errors: dict[str, float | None] | None


@dataclass(frozen=True, eq=False)
class HostAnswer:
    """What a host does with a grid.

    Attributes
    ----------
    host : str
        Its name.
    sampler : str or None
        The host's own name of it; None of a text or a workflow, which is looked at without one.
    plan : Plan
        The run there, and the findings.
    text : str, bytes or None
        What `export` writes; None in a check.
    suffix : str
        Of the file.
    said : list of str
        Where the text goes and what else is to be set.
    before, after : dict or None
        Errors of the file's run and of the host's, where a spectrum was given.
    read : str or None
        How many levels were read, and their ends.
    score_error : str or None
        Error of the score that the errors are stated with.
    exported : Exported or None
        In a check that finds the numbers altered as they are: what `export` makes of the same file.
    """

    host: str
    sampler: str | None
    plan: HostPlan
    text: str | bytes | None = None
    suffix: str = ".txt"
    said: list[str] = field(default_factory=list)
    before: dict[str, float | None] | None = None
    after: dict[str, float | None] | None = None
    read: str | None = None
    score_error: str | None = None
    exported: Exported | None = None

    @property
    def altered(self) -> bool:
        """Whether the host would alter the grid or the scheme."""
        return self.plan.altered

    def lines(self) -> list[str]:
        """The statement, a sentence a line."""
        run = self.plan.run
        first = f"{self.host} runs {self.sampler}"
        if run is not None:
            first += f": {described(run)}, {run.grid.steps} steps, start {run.start}"
            if run.solver.eta_meaning is not None:
                first += f", eta {float(run.eta[0]):.6g} ({run.solver.eta_meaning})"
        lines = [first, *self.said]
        lines += [f"{f.kind}: {f.message}" + (f"; {f.repair}" if f.repair else "") for f in self.plan.findings]
        if self.before is not None:
            wrong = "" if self.score_error is None else f" (score error {self.score_error})"
            lines.append(f"error of the grid of the file{wrong}: {_numbers(self.before)}")
            lines.append(f"error as it runs there: {_numbers(self.after) if self.after else 'no closed form'}")
        return lines

    def document(self) -> dict[str, Any]:
        """Plain data of a check."""
        run = self.plan.run
        return {
            "host": self.host, "sampler": self.sampler, "read": self.read, "altered": self.altered,
            "findings": [
                {"kind": f.kind, "altered": f.altered, "message": f.message, "repair": f.repair} for f in self.plan.findings
            ],
            "solver": None if run is None else run.solver.name,
            "clock": None if run is None else run.solver.clock_name(run.process),
            "start": None if run is None else run.start,
            "levels": None if run is None else run.levels.tolist(),
            "eta": None if run is None else run.eta.tolist(),
            "score_error": self.score_error, "errors": self.before, "errors_there": self.after,
            "exported": None if self.exported is None else vars(self.exported),
        }  # fmt: skip


def _numbers(errors: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {'undefined' if value is None else format(value, '.6g')}" for name, value in errors.items())


def find_host(text: str) -> tuple[Host, str | None]:
    """Host and variant of `NAME` or `NAME:VARIANT`.

    Raises
    ------
    InputError
        Unknown names, with the nearest known one.
    """
    name, _, variant = text.partition(":")
    name = ALIASES.get(name.lower(), name.lower())
    if name not in HOSTS:
        close = difflib.get_close_matches(name, [*HOSTS, *ALIASES], 1)
        hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(HOSTS)}"
        raise InputError(f"host {text!r} is unknown; {hint} (diffopt list hosts)")
    host = HOSTS[name]()
    if variant and variant not in host.variants:
        short = [v for v in host.variants if v.removesuffix("Scheduler") == variant]
        if not short:
            known = ", ".join(host.variants) or "none"
            close = difflib.get_close_matches(variant, host.variants, 1)
            hint = f"did you mean {close[0]!r}? It has" if close else "it has"
            raise InputError(f"host {name!r} has no form {variant!r}; {hint} {known}")
        variant = short[0]
    return host, variant or None


def host_name(text: str) -> str:
    """The host's own name of `NAME` or `NAME:VARIANT`, aliases included; as :func:`find_host`."""
    return find_host(text)[0].name


def export_run(
    run: Run, to: str, config: Mapping[str, Any] | None = None, spectrum: Spectrum | None = None, error: ModelError | None = None
) -> HostAnswer:
    """Text for a host, with what it will run; `error` is the score error that the errors are stated with.

    Raises
    ------
    InputError, UnsupportedError
        Unknown host; a process or a scheme that the host cannot run, with the alternative.
    """
    _held(run)
    host, variant = find_host(to)
    target = HostQuery(variant, config or {}, exported=True)
    plan = host.plan(run, target)
    refused = plan.refusal
    if refused is not None:
        raise UnsupportedError(refused.message + (f"; {refused.repair}" if refused.repair else ""))
    plan.findings.extend(_range(run, host, target))
    text = host.write(run, plan, target)
    before, after = _errors(run, plan, spectrum, error)
    said = host.statement(run, plan, target)
    said = [*said, *_values(run, host)]
    return HostAnswer(host.name, plan.sampler, plan, text, host.suffix, said, before, after, _read(run), _rule(error))


def _values(run: Run, host: Host) -> list[str]:
    """What the values are, and which models they are for."""
    if run.flow and not host.flow_values:
        return []
    models = family(host.name, float(run.levels[0]), run.flow)
    lines = [f"values: {models}"] if models else []
    return [*lines, f"{'they are' if models else 'values:'} {host.flow_values}"] if run.flow else lines


def _held(run: Run) -> None:
    """Refuse levels that no program can hold: they sample in single precision."""
    top = float(np.max(run.levels, where=np.isfinite(run.levels), initial=0.0))
    if top > MOST:
        raise InputError(f"level {top:g} is beyond single precision (up to {MOST:.3g}), in which programs sample")


def check_run(
    run: Run, name: str, config: Mapping[str, Any] | None = None, spectrum: Spectrum | None = None,
    error: ModelError | None = None,
) -> HostAnswer:  # fmt: skip
    """What a host does with the file's numbers as they are."""
    _held(run)
    host, variant = find_host(name)
    # A form that export writes is judged as it is written; anything else as the file's numbers handed over.
    target = HostQuery(variant, config or {}, exported=variant in host.forms)
    plan = host.plan(run, target)
    plan.findings.extend([*ays_findings(run, host.name, host.title), *_range(run, host, target)])
    before, after = _errors(run, plan, spectrum, error)
    models = family(host.name, float(run.levels[0]), run.flow)
    read = _read(run) + (f": {models}" if models else "")
    exported = None if target.exported or not plan.altered else _exported(run, host, variant, config or {}, spectrum, error)
    return HostAnswer(
        host.name, plan.sampler, plan, before=before, after=after, read=read, score_error=_rule(error), exported=exported
    )


def _exported(
    run: Run, host: Host, variant: str | None, config: Mapping[str, Any], spectrum: Spectrum | None, error: ModelError | None
) -> Exported | None:
    """What an export of the file runs; None where there is none."""
    try:
        plan = host.plan(run, HostQuery(variant, config, exported=True))
    except UnsupportedError:
        return None
    if plan.refusal is not None:
        return None
    command = f"diffopt export --to {host.name}{f':{variant}' if variant else ''}{' --scheduler-config FILE' if config else ''}"
    return Exported(command, plan.altered, _errors(run, plan, spectrum, error)[1])


def _range(run: Run, host: Host, target: HostQuery) -> list[Finding]:
    return range_findings(run.process.name, float(run.grid.sigmas[0]), host.name, target.variant, target.config)


def _read(run: Run) -> str:
    """What was read, in a few words."""
    return span_of(run.levels, "s" if run.flow else "sigma")


def span_of(values: Sequence[float] | np.ndarray, of: str = "") -> str:
    """`9 levels, sigma 14.61 to 0`."""
    return f"{len(values)} levels, {of + ' ' if of else ''}{values[0]:.6g} to {values[-1]:.6g}"


def _rule(error: ModelError | None) -> str | None:
    return None if error is None else error.text or "function"


def _errors(run: Run, plan: HostPlan, spectrum: Spectrum | None, error: ModelError | None) -> tuple[Any, Any]:
    if spectrum is None:
        return None, None
    if error is not None and plan.told is not None:
        message = f"the error there has what the network is told and leaves out the file's score error {_rule(error)}"
        plan.findings.append(Finding("note", message))
    with np.errstate(all="ignore"):
        return run_errors(run, spectrum, error), None if plan.run is None else _after(plan, plan.run, spectrum, error)


def _after(plan: HostPlan, run: Run, spectrum: Spectrum, error: ModelError | None) -> dict[str, float | None] | None:
    try:
        return run_errors(run, spectrum, plan.told or error)
    except DiffoptError:
        return None


__all__ = ["Finding", "HostAnswer", "check_run", "export_run", "find_host", "host_name"]
