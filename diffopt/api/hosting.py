"""What verbs share about hosts: a question as a host runs it, a schedule as a run, its spectrum, a scheduler's configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from diffopt.api.grids import GivenGrid, given_grid, with_coefficients
from diffopt.data.dataset import Dataset
from diffopt.documents.chosen import Chosen
from diffopt.documents.loss_curve import make_score_error
from diffopt.documents.scheduler_config import ConfigFile
from diffopt.documents.settings import Settings
from diffopt.documents.spectrum_file import load_dataset
from diffopt.errors import DiffoptError, InputError
from diffopt.foundation.notes import note
from diffopt.hosts.answer import find_host
from diffopt.hosts.choice import Choice, choose
from diffopt.hosts.diffusers.config import load_config, read_config
from diffopt.hosts.ranges import family, range_findings
from diffopt.hosts.run import Run
from diffopt.objectives.problem import Problem
from diffopt.solvers.model_error import ModelError


def the_grid(schedule: Any) -> GivenGrid:
    """A file, a result or a list of noise ratios, read once for all that is asked of it.

    Raises
    ------
    InputError
        What is no schedule.
    """
    grid = given_grid(schedule)
    if grid is None:
        raise InputError("no schedule: give a file that diffopt optimize wrote, a result or a list of sigmas")
    return grid


def run_of(grid: GivenGrid) -> Run:
    """A grid as a run.

    Raises
    ------
    InputError
        Coefficients of another grid.
    """
    settings = grid.fill(Settings(), set())
    chosen = Chosen.create(settings)
    if grid.document is None or grid.document.solver is None:
        note(f"note: the grid names no solver; {settings.solver} on process {chosen.process.name} is assumed")
    eta = grid.document.eta if grid.document is not None and chosen.solver.eta_meaning is not None else None
    sigmas = grid.sigmas(chosen.process, settings.end)
    return Run.create(chosen.process, sigmas, with_coefficients(chosen, grid, sigmas), eta, settings.start)  # type: ignore[arg-type]


def data_of(grid: GivenGrid, spectrum: Any) -> Dataset | None:
    """Data for the errors: those given, those of a result, or the file's own where they are still the same."""
    if spectrum is not None:
        return load_dataset(spectrum)
    if grid.data is not None:
        return grid.data
    said = {} if grid.document is None else grid.document.spectrum_values()
    source, digest = said.get("source"), said.get("sha256")
    if source is None or source in ("-", "array"):
        note("note: errors are not stated; give the spectrum with --spectrum")
        return None
    try:
        found = load_dataset(source)
    except DiffoptError:
        note(f"note: errors are not stated: {source} cannot be read here; give --spectrum")
        return None
    if digest is not None and found.spectrum.sha256 != digest:
        note(f"note: errors are not stated: {source} is not the spectrum of the file; give --spectrum")
        return None
    return found


def error_of(grid: GivenGrid, data: Dataset | None) -> ModelError | None:
    """The score error that the file was made with, where errors are stated; a note says what cannot be made here."""
    rule = None if grid.document is None else grid.document.score_error
    if data is None or rule is None:
        return None
    try:
        return make_score_error(str(rule), data.spectrum)
    except (DiffoptError, OSError):
        note(f"note: the file was made for score error {rule}, which cannot be made here; errors are stated with an exact score")
        return None


def config_of(given: Any) -> Mapping[str, Any]:
    """Configuration of a path, a mapping, or a scheduler's own `config`.

    Raises
    ------
    InputError
        No such configuration.
    """
    if given is None:
        return {}
    if isinstance(given, str | Path | ConfigFile):
        return load_config(given if isinstance(given, ConfigFile) else str(given))
    config = getattr(given, "config", given)
    if not isinstance(config, Mapping):
        raise InputError(f"scheduler_config must be a path or a mapping, got {type(given).__name__}")
    found = dict(config)
    if hasattr(given, "config"):
        found.setdefault("_class_name", type(given).__name__)
    return read_config(found).values


def config_for(to: str, given: Any) -> Mapping[str, Any]:
    """Configuration of a model that a host runs.

    Raises
    ------
    InputError
        No such configuration, or a host to which none means anything.
    """
    host, _ = find_host(to)
    if given is not None and not host.reads_config:
        raise InputError(f"--scheduler-config has no effect: a grid for {host.name} is the same for every model; leave it out")
    return config_of(given)


def hosted(problem: Problem, eta: Any, free: Collection[str], host: str, flags: Mapping[str, Any]) -> Choice:
    """The question as a host runs it; `start` and `end` that the flags say stay."""
    given = {name for name in ("start", "end") if flags.get(name) is not None}
    return choose(problem, eta, free, host, config_of(flags.get("scheduler_config")), given)


def note_range(problem: Problem, to: str, flags: Mapping[str, Any]) -> None:
    """A note where the range is not that of the host's usual models."""
    host, variant = find_host(to)
    config = config_of(flags.get("scheduler_config"))
    for finding in range_findings(problem.process.name, problem.sigma_max, host.name, variant, config):
        note(f"note: {finding.message}")
    flow, given = problem.process.flow, bool(config)
    models = "" if given else family(host.name, 1.0 if flow else problem.sigma_max, flow)
    if models:
        note(f"note: values are {models}")


def hosted_rows(
    problems: Sequence[Problem], counts: Sequence[Sequence[int]], host: str, flags: Mapping[str, Any]
) -> list[Problem]:
    """Questions of one comparison as a host runs them, each with every number of steps in its `counts`.

    Raises
    ------
    InputError
        What one table cannot hold: another scheme at another number of steps, an eta or ends that differ by solver.
    """
    found: dict[str, Choice] = {}
    for problem, steps in zip(problems, counts, strict=True):
        choices = [hosted(replace(problem, steps=n), None, (), host, flags) for n in dict.fromkeys(steps)]
        name, first = problem.solver.name, choices[0]
        if any(choice.note != first.note for choice in choices):
            raise InputError(f"{host} runs another scheme for {name} at other numbers of steps; compare one number at a time")
        if first.eta is not None and first.eta != first.problem.solver.default_eta:
            runs = f"{first.problem.solver.name} with eta {first.eta:g}"
            raise InputError(f"{host} runs {name} as {runs}, and rows have each solver's own eta; leave {name} or --host out")
        found.setdefault(first.note, first)
    laws = {(c.problem.start, c.problem.end, c.problem.sigma_max) for c in found.values()}
    if len(laws) > 1:
        said = "; ".join(text.partition(": ")[2].partition(" runs ")[2] for text in found)
        repair = "compare one solver at a time, or give --start"
        raise InputError(f"one table has one start and range, and {host} runs {said}; {repair}")
    for text, choice in found.items():
        note(text + (" there: rows are judged at their own levels" if choice.whole else ""))
    note_range(problems[0], host, flags)
    return [choice.problem for choice in found.values()]
