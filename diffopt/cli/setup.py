"""What the commands share: flags to settings to problem, results to documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diffopt.cli import output as out
from diffopt.cli.progress import counter
from diffopt.data.dataset import Dataset
from diffopt.documents import settings as config
from diffopt.documents.build import evaluation_document, schedule_document
from diffopt.documents.grid_file import GridFile, parse_sigmas, read_grid_file
from diffopt.documents.schemas import dump
from diffopt.documents.spectrum_file import load_dataset
from diffopt.errors import InputError
from diffopt.foundation.notes import listening
from diffopt.objectives.evaluation import evaluate as run_evaluation
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.search.descent import optimize as run_optimizer
from diffopt.search.starts import BASELINES, applicable

#: Flags that steer the command itself and are no settings.
COMMAND_ONLY = ("config", "output", "plot", "force", "form", "grid")


@dataclass(frozen=True, eq=False)
class Job:
    """Settings in force, the spectrum, and the grid file if there is one."""

    settings: config.Settings
    data: Dataset
    file: GridFile | None = None


def start(flags: dict[str, Any], grid_path: str | None = None) -> Job:
    """Merge flags, config file and grid file; read the spectrum."""
    given = {k: v for k, v in flags.items() if k not in COMMAND_ONLY and v is not False}
    given["format"] = flags.get("form")
    settings = config.load_settings(given, flags.get("config"))
    file = None if grid_path is None else read_grid_file(grid_path)
    if file is not None:
        settings = file.fill(settings, {k for k, v in given.items() if v is not None})
    if settings.spectrum is None:
        raise InputError("no spectrum: give a path, - for standard input, or builtin:photos")
    with listening() as heard:
        data = load_dataset(settings.spectrum, settings.key, settings.feature_space)
    for line in heard:
        out.note(line, settings.quiet)
    if data.spectrum.clipped:
        out.note(f"note: {data.spectrum.clipped} tiny negative eigenvalues set to 0", settings.quiet)
    if data.members is not None:
        out.note(f"note: robust runs over the {len(data.members.spectra)} spectra of the file", settings.quiet)
    return Job(settings, data, file)


def optimize(job: Job) -> tuple[dict[str, Any], bool]:
    """Run the optimizer and score result and baselines; the document and whether it converged."""
    settings = job.settings
    problem = config.make_problem(settings, job.data, settings.solver, config.one(settings.steps, "steps"))
    objective = config.make_objective(settings.objective)
    schedule = config.make_schedule(settings.schedule) if settings.schedule else None
    free = [part.strip() for part in settings.free.split(",") if part.strip()]
    with counter("optimizing", settings.quiet) as progress:
        result = run_optimizer(problem, objective, free, settings.eta, schedule, progress=progress)
    _explain_defaults(problem, settings)
    solved = replace(problem, solver=result.solver, process=result.process)
    evaluation = run_evaluation(solved, result.grid, result.eta)
    short = problem.compressed("reference")
    baselines = {
        name: run_evaluation(short, grid, settings.eta, expand=False)
        for name, grid in applicable(short, BASELINES).items()
    }
    name = schedule.name if schedule is not None else None
    document = schedule_document(solved, result, evaluation, baselines, objective, free, name)
    return dump(document), result.converged


def evaluate(job: Job) -> dict[str, Any]:
    """Document with the exact errors of the grid that was named, listed or read."""
    settings = job.settings
    sources = [s for s in (settings.schedule, settings.sigmas, job.file) if s is not None]
    if len(sources) != 1:
        raise InputError("give one grid: SCHEDULE.json, --schedule NAME or --sigmas LIST")
    given = _listed(job)
    steps = config.one(settings.steps, "steps") if given is None else len(given) - 1
    problem = config.make_problem(_range(settings, given), job.data, settings.solver, steps)
    grid = _named(problem, settings) if given is None else Grid.create(problem.process, given)
    eta = job.file.eta_for(settings, problem) if job.file is not None else settings.eta
    _explain_defaults(problem, settings)
    evaluation = run_evaluation(problem, grid, eta)
    etas = problem.solver.etas(eta, grid.steps)
    return dump(evaluation_document(problem, grid, etas, evaluation, settings.schedule))


def _named(problem: Problem, settings: config.Settings) -> Grid:
    assert settings.schedule is not None
    return config.make_schedule(settings.schedule).grid(problem.compressed().span)


def _listed(job: Job) -> Sequence[float] | None:
    if job.file is not None:
        return job.file.sigmas
    return None if job.settings.sigmas is None else parse_sigmas(job.settings.sigmas)


def _range(settings: config.Settings, sigmas: Sequence[float] | None) -> config.Settings:
    """A listed grid brings its own ends."""
    if sigmas is None:
        return settings
    zero = sigmas[-1] == 0
    low = sigmas[-2] if zero and len(sigmas) > 2 else sigmas[-1]
    ends = {"sigma_max": sigmas[0], "sigma_min": min(low, sigmas[0] / 2), "t_max": None, "t_min": None}
    return settings.model_copy(update={**ends, "end": "zero" if zero else "sigma_min"})


def _explain_defaults(problem: Problem, settings: config.Settings) -> None:
    """Say what was assumed, so that nobody has to guess."""
    top = "pure noise" if problem.sigma_max == float("inf") else f"{problem.sigma_max:g}"
    clock = problem.solver.clock_name(problem.process)
    meaning = problem.solver.eta_meaning
    parts = [
        f"solver {problem.solver.name}", f"{problem.steps} steps", f"process {problem.process.name}",
        f"sigma {top} to {problem.sigma_min:g}", f"end {problem.end}", f"start {problem.start}",
    ]  # fmt: skip
    if clock:
        parts.append(f"clock {clock}")
    if meaning:
        parts.append(f"eta in the sense of {meaning}")
    out.note("using " + ", ".join(parts), settings.quiet)


def plot_run(job: Job, data: dict[str, Any], path: Path, force: bool) -> None:
    """Picture of a grid beside the spectrum."""
    from diffopt.report.figures import grid_picture
    from diffopt.report.style import save

    save(grid_picture(data, job.data.spectrum), path, force)
    out.note(f"wrote {path}", job.settings.quiet)
