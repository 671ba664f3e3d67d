"""What `compare-schedules` does between parsing and writing: names to objects, results to text."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.cli import output as out
from diffopt.cli import setup
from diffopt.documents import settings as config
from diffopt.documents.grid_file import parse_sigmas, read_grid_file
from diffopt.errors import InputError
from diffopt.report import text as report
from diffopt.report.comparison import document, flat_rows, view
from diffopt.report.explain import explain
from diffopt.solvers.designs import DESIGNS
from diffopt.studies.comparison.comparison import Comparison, Progress, compare
from diffopt.studies.comparison.selection import Selection
from diffopt.studies.comparison.setting import Setting

#: Flags of this command alone.
OWN = ("only", "skip", "kind", "sort", "top", "add", "explain", "html", "equal_steps")


@dataclass(frozen=True, eq=False)
class Job:
    """Settings, what is compared, what is shown, and the command line that says the same."""

    settings: config.Settings
    setting: Setting
    selection: Selection
    command: str


def explanation(name: str, form: str | None) -> str:
    """Text of `--explain`."""
    row = explain(name)
    if form == "json":
        return report.to_json(row)
    if form in ("csv", "markdown"):
        return report.to_csv([row]) if form == "csv" else report.to_markdown([row])
    return (
        f"{row['name']} ({row['kind']}, {row['status']})\n\n{row['summary']}\n\n"
        f"    {row['formula']}\n\nSource: {row['reference']}\n"
    )


def check_page(html: Path | None, force: bool) -> None:
    """Refuse a page that cannot be written or drawn, before any work is done."""
    if html is not None:
        from diffopt.foundation.atomic import check_target
        from diffopt.report.style import figure

        check_target(html, force)
        figure(1, [1])


def prepare(flags: dict[str, Any]) -> Job:
    """Check every name before any work is done."""
    selection = Selection(
        _list(flags["only"]), _list(flags["skip"]), _list(flags["kind"]), flags["sort"], flags["top"]
    )
    selection.check()
    if flags["form"] == "lines":
        raise InputError("format 'lines' is not for tables of rows; use json, table, csv or markdown")
    added = _added(flags["add"] or [])
    job = setup.start({k: v for k, v in flags.items() if k not in OWN})
    settings = job.settings
    names = _list(settings.solver)
    budgets = list(dict.fromkeys(config.many(settings.steps, "steps")))
    problems = [config.make_problem(_clocked(settings, name), job.data, name, 1) for name in names]
    if not problems:
        raise InputError("no solver is named; use a comma list such as euler,heun,dpmpp_2m")
    first = problems[0]
    setting = Setting(
        job.data, first.process, [p.solver for p in problems], budgets, first.sigma_max, first.sigma_min,
        first.end, first.start, _objective(settings.objective), selection.schedules(), _designs(selection, names),
        added if not selection.kinds or "added" in selection.kinds else {}, selection.optimized, flags["equal_steps"],
    )  # fmt: skip
    return Job(settings, setting, selection, command_line(flags))


def _objective(name: str) -> str:
    return config.make_objective(name).name


def _designs(selection: Selection, solvers: list[str]) -> list[str]:
    """Noise designs: where they are named or asked for by kind, or where a solver with noise is compared."""
    from diffopt.solvers import SOLVERS

    asked = "stochasticity" in selection.kinds or any(pattern in DESIGNS for pattern in selection.only)
    noisy = any(SOLVERS[name].eta_meaning is not None for name in solvers)
    return selection.designs() if asked or noisy else []


def _clocked(settings: config.Settings, name: str) -> config.Settings:
    """A clock holds for the solvers that have one."""
    from diffopt.solvers import SOLVERS

    known = SOLVERS.get(name)
    return settings if known is None or known.uses_clock else settings.model_copy(update={"clock": None})


def _list(text: str | None) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))


def _added(arguments: list[str]) -> dict[str, np.ndarray]:
    """Grids of `--add` by name: the file's stem, or grid_1, grid_2, ... for lists."""
    added: dict[str, np.ndarray] = {}
    for i, argument in enumerate(arguments, 1):
        is_file = argument.endswith(".json") or Path(argument).is_file()
        values = read_grid_file(argument).sigmas if is_file else parse_sigmas(argument)
        name = Path(argument).stem if is_file else f"grid_{i}"
        added[name if name not in added else f"{name}_{i}"] = np.array(values, dtype=np.float64)
    return added


def command_line(flags: dict[str, Any]) -> str:
    """The command that gives the same result, flags in a fixed order."""
    words = ["diffopt", "compare-schedules"]
    if flags["spectrum"] is not None:
        words.append(str(flags["spectrum"]))
    for name, value in flags.items():
        flag = "--format" if name == "form" else "--" + name.replace("_", "-")
        if name == "spectrum" or value is None or value is False:
            continue
        if value is True:
            words.append(flag)
        else:
            for item in value if isinstance(value, list) else [value]:
                words += [flag, str(item)]
    return shlex.join(words)


def run(job: Job) -> Comparison:
    """Compare, with progress where somebody looks."""
    with _progress(job.settings.quiet) as progress:
        return job.selection.apply(compare(job.setting, progress))


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return

    def show(done: int, total: int) -> None:
        sys.stderr.write(f"\r\x1b[Kcomparing: {done} of {total} groups")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def pictures(job: Job, comparison: Comparison, plot: Path | None, html: Path | None, force: bool) -> None:
    """Write the picture and the page that were asked for."""
    if plot is not None:
        from diffopt.report.comparison_figures import picture
        from diffopt.report.style import save

        save(picture(comparison), plot, force)
        out.note(f"wrote {plot}", job.settings.quiet)
    if html is not None:
        from diffopt.foundation.atomic import write_atomic
        from diffopt.report.page import page

        write_atomic(html, page(comparison, document(comparison, job.command)).encode(), force)
        out.note(f"wrote {html}", job.settings.quiet)


def render(job: Job, comparison: Comparison, form: str) -> str:
    """The comparison as text."""
    if form == "table":
        from diffopt.report.terminal import to_terminal

        width = out.terminal_width()
        return to_terminal(view(comparison, width, job.selection.sort is not None), width, sys.stdout.isatty())
    data = document(comparison, job.command)
    if form == "json":
        return report.to_json(data)
    if form == "csv":
        return report.to_csv(flat_rows(data))
    if form == "markdown":
        return report.to_markdown(flat_rows(data))
    raise InputError(f"format {form!r} is not for tables of rows; use json, table, csv or markdown")
