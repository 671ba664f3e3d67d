"""`diffopt compare-schedules`: every published step grid in one table."""

from __future__ import annotations

from pathlib import Path

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command
from diffopt.cli.given import Given


@command("compare", forms=TABULAR)
def compare_schedules(given: Given) -> None:
    """What every published schedule costs on a spectrum, and how far it is from the optimum.

    Example: diffopt compare-schedules builtin:photos -n 5,10,20 -s euler,heun,dpmpp_2m
    Example: diffopt compare-schedules spectrum.npy -s dpmpp_2m -n 10 --html page.html
    Example: diffopt compare-schedules spectrum.npy --only 'karras,ays_*' --add grid.json
    """
    from diffopt.cli import output as out
    from diffopt.cli.progress import groups
    from diffopt.foundation.allocator import keep_arrays
    from diffopt.foundation.workers import cores

    flags = dict(given.flags)
    explain, html = flags.pop("explain", None), flags.pop("html", None)
    if explain is not None:
        from diffopt.api.names import explain as explained

        text = explained(explain).render(given.format or "table")
        out.emit(text, given.output, given.force, given.quiet)
        return
    data, page = given.require_data(), None if html is None else Path(html)
    given.check()
    _check_page(page, given.force)
    from diffopt.api.compare import compare as call

    keep_arrays()
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
        from diffopt.api.pictures import check_page
        from diffopt.foundation.atomic import check_target

        check_target(page, force)
        check_page()
