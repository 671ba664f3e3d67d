"""What `diffopt spectrum estimate` does with its flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffopt.api.estimate_request import Request, estimate_request
from diffopt.cli.progress import Bar
from diffopt.cli.spectrum.output import format_of, say, write
from diffopt.foundation.atomic import check_target


def run(output: Path | None, form: str | None, force: bool, quiet: bool, **flags: Any) -> None:
    """Check the output first, then ask for the spectrum and write it."""
    kind = format_of(output, form)
    if output is not None:
        check_target(output, force)
    with Bar(quiet) as bar:
        result, finished = estimate_request(Request(output=output, **flags), bar)
    data = result.dataset
    write(data.spectrum, data.facts, data.members, output, kind, force)
    finished()
    if not quiet:
        say(result.notes)
