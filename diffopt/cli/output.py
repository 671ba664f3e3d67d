"""Where results go: stdout or a file, in the form asked for; notes to stderr."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORMATS = ("json", "table", "csv", "markdown", "lines")


def chosen_format(form: str | None, output: Path | None) -> str:
    """JSON into files and pipes, a table on a terminal, unless `form` says otherwise."""
    if form is not None:
        return _known(form)
    return "table" if output is None and sys.stdout.isatty() else "json"


def _known(form: str) -> str:
    if form not in FORMATS:
        from diffopt.errors import InputError

        raise InputError(f"format {form!r} is unknown; use one of {', '.join(FORMATS)}")
    return form


def note(message: str, quiet: bool) -> None:
    """One line of talk on stderr."""
    if not quiet:
        sys.stderr.write(message + "\n")


def check_paths(force: bool, output: Path | None, plot: Path | None = None) -> None:
    """Refuse bad targets, and pictures that cannot be drawn, before any work is done."""
    from diffopt.foundation.atomic import check_target

    for path in (output, plot):
        if path is not None:
            check_target(path, force)
    if plot is not None:
        from diffopt.report.style import check_kind, figure

        check_kind(plot)
        figure(1, [1])


def emit(text: str, output: Path | None, force: bool, quiet: bool) -> None:
    """Write text to a file (atomically) or to stdout."""
    if output is None:
        _print(text)
        return
    from diffopt.foundation.atomic import write_atomic

    write_atomic(output, text.encode(), force)
    note(f"wrote {output}", quiet)


def emit_bytes(data: bytes, output: Path | None, force: bool, quiet: bool) -> None:
    """Write bytes to a file (atomically) or to stdout, where they are text unless stdout takes bytes."""
    if output is None:
        if data.startswith(b"\x93NUMPY"):
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        _print(data.decode())
        return
    from diffopt.foundation.atomic import write_atomic

    write_atomic(output, data, force)
    note(f"wrote {output}", quiet)


def _print(text: str) -> None:
    """Write to stdout; where the reader has gone (`| head`), go on in silence."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def terminal_width() -> int:
    """Columns of the terminal, 100 where there is none."""
    return shutil.get_terminal_size((100, 40)).columns


def render_run(data: dict[str, Any], form: str) -> str:
    """Schedule or evaluation document as text."""
    from diffopt.report import text as report

    if form == "table":
        from diffopt.report.terminal import run_view, to_terminal

        return to_terminal(run_view(data), terminal_width(), sys.stdout.isatty())
    writers: dict[str, Callable[[], str]] = {
        "json": lambda: report.to_json(data),
        "csv": lambda: report.to_csv(report.grid_rows(data)),
        "markdown": lambda: report.to_markdown(report.grid_rows(data)),
        "lines": lambda: report.to_lines(data["sigmas"]),
    }
    return writers[form]()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
