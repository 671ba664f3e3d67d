"""`diffopt compare-schedules`: every published step grid in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffopt.cli.command import Given, command


@command("compare")
def compare_schedules(given: Given) -> None:
    """What every published schedule costs on a spectrum, and how far it is from the optimum.

    Example: diffopt compare-schedules builtin:photos -n 5,10,20 -s euler,heun,dpmpp_2m
    Example: diffopt compare-schedules spectrum.npy -s dpmpp_2m -n 10 --html page.html
    Example: diffopt compare-schedules spectrum.npy --only 'karras,ays_*' --add grid.json
    """
    from diffopt.cli import output as out
    from diffopt.cli.progress import groups
    from diffopt.errors import InputError
    from diffopt.foundation.workers import cores

    flags = dict(given.flags)
    explain, html = flags.pop("explain", None), flags.pop("html", None)
    if explain is not None:
        out.emit(_explanation(explain, given.format), given.output, given.force, given.quiet)
        return
    data, page = given.require_data(), None if html is None else Path(html)
    if given.form() == "lines":
        raise InputError("format 'lines' is not for tables of rows; use json, table, csv or markdown")
    given.check()
    _check_page(page, given.force)
    from diffopt.api.compare import compare as call

    with groups("comparing", given.quiet) as progress:
        result = call(data, progress=progress, workers=cores(), **flags)
    if page is not None:
        from diffopt.foundation.atomic import write_atomic

        write_atomic(page, result.page().encode(), given.force)
        out.note(f"wrote {page}", given.quiet)
    given.finish(result)


def _check_page(page: Path | None, force: bool) -> None:
    """Refuse a page that cannot be written or drawn, before any work is done."""
    if page is not None:
        from diffopt.foundation.atomic import check_target
        from diffopt.report.style import figure

        check_target(page, force)
        figure(1, [1])


def _explanation(name: str, form: str | None) -> str:
    """Text of `--explain`."""
    from diffopt.report import text
    from diffopt.report.explain import explain

    row: dict[str, Any] = dict(explain(name))
    if form == "json":
        return text.to_json(row)
    if form in ("csv", "markdown"):
        return text.to_csv([row]) if form == "csv" else text.to_markdown([row])
    return (
        f"{row['name']} ({row['kind']}, {row['status']})\n\n{row['summary']}\n\n"
        f"    {row['formula']}\n\nSource: {row['reference']}\n"
    )
