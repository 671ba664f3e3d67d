"""What `eta` and `convergence` share: lists of names, one call, rows out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from diffopt import __version__
from diffopt.cli import output as out
from diffopt.cli import setup
from diffopt.documents import settings as config
from diffopt.documents.schemas import ConvergenceDocument, ConvergenceRow, EtaDocument, NoiseRow, dump
from diffopt.errors import InputError, UnsupportedError
from diffopt.objectives.problem import Problem
from diffopt.solvers import SOLVERS as ALL
from diffopt.solvers.score_error import parse_score_error
from diffopt.studies.eta import DESIGNS, OBJECTIVES, NoiseDesign, noise_study
from diffopt.studies.orders import METRICS, Convergence, with_notes
from diffopt.studies.orders import convergence as measure

#: Solvers of `convergence` unless others are named, and its grids.
SOLVERS = (
    "euler", "heun", "euler_maruyama", "exponential_integrator", "heun_sde", "sra1", "randomized_midpoint",
    "randomized_exponential_midpoint", "local_linearization", "local_linearization_time",
)  # fmt: skip
SCHEDULE = "karras"


def names(text: str | None, known: Sequence[str], what: str) -> tuple[str, ...]:
    """Comma list checked against what is known; all of it where nothing is said.

    Raises
    ------
    InputError
        An unknown name.
    """
    if text is None:
        return tuple(known)
    chosen = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in chosen:
        if name not in known:
            raise InputError(f"{what} {name!r} is unknown; use {', '.join(known)}")
    return chosen


def eta(flags: dict[str, Any], own: dict[str, Any]) -> None:
    """Run `diffopt eta`."""
    from diffopt.processes.clocks import CLOCKS

    job = setup.start(
        {"solver": flags["solver"] or "euler_maruyama", **{k: v for k, v in flags.items() if k != "solver"}}
    )
    settings = job.settings
    clocks = None if own["clock"] is None else names(own["clock"], list(CLOCKS), "clock")
    problem = config.make_problem(settings, job.data, settings.solver, config.one(settings.steps, "steps"))
    schedule = config.make_schedule(settings.schedule or SCHEDULE)
    error = None if own["score_error"] is None else parse_score_error(own["score_error"])
    grid = schedule.grid(problem.compressed().span)
    designs = names(own["design"], DESIGNS, "design")
    answers = noise_study(problem, grid, error, designs, names(own["noise_objective"], OBJECTIVES, "objective"), clocks)
    if not answers:
        raise UnsupportedError(
            "the scheme has no finite error here in any clock; use --end sigma_min or another solver"
        )
    meaning = problem.solver.eta_meaning
    document = EtaDocument(
        solver=problem.solver.name, steps=grid.steps, eta_meaning=meaning, schedule=schedule.name,
        score_error=own["score_error"], start=problem.start, end=problem.end, sigmas=_sigmas(grid.sigmas),
        rows=[NoiseRow(**_noise_row(answer)) for answer in answers], diffopt_version=__version__,
    )  # fmt: skip
    out.note(
        f"using solver {problem.solver.name}, schedule {schedule.name}, eta in the sense of {meaning}", settings.quiet
    )
    _emit(dump(document), flags, settings.quiet, settings.format, _short)


def _noise_row(answer: NoiseDesign) -> dict[str, Any]:
    row: dict[str, Any] = {"clock": answer.clock, "design": answer.design, "objective": answer.objective}
    row |= {name: float(value) for name, value in answer.errors.items()}
    return row | {"parameters": answer.parameters, "eta": [float(e) for e in answer.eta]}


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a table: the list of etas as its range."""
    kept = {k: v for k, v in row.items() if k not in ("parameters", "eta", "steps", "errors")}
    if "eta" in row and isinstance(row["eta"], list):
        kept["eta"] = f"{min(row['eta']):.3g}..{max(row['eta']):.3g}"
    elif "eta" in row:
        kept["eta"] = row["eta"]
    return kept


def _sigmas(values: Any) -> list[float | None]:
    return [None if v == float("inf") else float(v) for v in values]


def convergence(flags: dict[str, Any], own: dict[str, Any]) -> None:
    """Run `diffopt convergence`."""
    wanted, counts = flags.pop("solver"), flags.pop("steps")
    clock, error_map = flags.pop("clock"), own["error_map"]
    flags["end"] = "sigma_min"
    job = setup.start(flags)
    settings = job.settings
    solvers = names(wanted, list(ALL), "solver") if wanted else SOLVERS
    steps = None if counts is None else _counts(counts)
    accuracy = own["accuracy"] or 0.01 * job.data.spectrum.trace**0.5
    schedule = config.make_schedule(settings.schedule or SCHEDULE)
    rows: list[Convergence] = []
    problems = [_problem(job, name, clock) for name in solvers]
    for problem in problems:
        for metric in names(own["metric"], METRICS, "metric"):
            try:
                rows.append(
                    measure(problem, schedule, metric, accuracy, settings.eta, steps, settings.seed, own["paths"])
                )
            except UnsupportedError as error:
                out.note(f"note: {problem.solver.name}, {metric}: {error}", settings.quiet)
    if not rows:
        raise InputError("nothing could be measured; see --solver and --metric")
    rows = with_notes(rows)
    document = ConvergenceDocument(
        accuracy=accuracy,
        schedule=schedule.name,
        seed=settings.seed,
        rows=[ConvergenceRow(**vars(r)) for r in rows],
        diffopt_version=__version__,
    )
    out.note(f"using grids of {schedule.name} that end at sigma_min, accuracy {accuracy:.4g}", settings.quiet)
    _pictures(rows, problems[0], schedule, settings, flags, error_map)
    _emit(dump(document), flags, settings.quiet, settings.format, _short)


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--steps {text!r}: give whole numbers, e.g. 20,40,80") from None


def _problem(job: setup.Job, name: str, clock: str | None) -> Problem:
    uses = ALL[name].uses_clock
    settings = job.settings.model_copy(update={"clock": clock if uses else None})
    return config.make_problem(settings, job.data, name, 10)


def _pictures(
    rows: list[Convergence], problem: Problem, schedule: Any, settings: Any, flags: dict[str, Any], error_map: Any
) -> None:
    from dataclasses import replace

    from diffopt.report.orders_figures import convergence_picture
    from diffopt.report.orders_figures import error_map as draw
    from diffopt.report.style import save

    if flags.get("plot") is not None:
        save(convergence_picture(rows), flags["plot"], flags["force"])
    if error_map is not None:
        grid = schedule.grid(replace(problem.compressed().span, steps=rows[0].steps[0]))
        eta = settings.eta if problem.solver.eta_meaning else None
        save(draw(problem.solver, grid, problem.spectrum, eta), error_map, flags["force"])


def _emit(data: dict[str, Any], flags: dict[str, Any], quiet: bool, form: str | None, short: Any) -> None:
    """Rows as a table, csv, markdown, or the whole document as json."""
    from diffopt.report import text as report

    chosen = out.chosen_format(form, flags["output"])
    rows = [short(row) for row in data["rows"]]
    if chosen == "table":
        from diffopt.report.terminal import rows_table, to_terminal

        text = to_terminal(rows_table(rows), out.terminal_width(), sys.stdout.isatty())
    elif chosen == "csv":
        text = report.to_csv(rows)
    elif chosen == "markdown":
        text = report.to_markdown(rows)
    elif chosen == "json":
        text = report.to_json(data)
    else:
        raise InputError("--format lines is for grids; use json, table, csv or markdown")
    out.emit(text, flags["output"], flags["force"], quiet)
