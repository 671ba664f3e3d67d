"""`diffopt check`: what a host really does with a grid."""

from __future__ import annotations

import typer

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command, piped
from diffopt.cli.given import Given

#: Exit code where the host would alter the grid.
ALTERED = 4
SCHEDULE = piped("schedule", "SCHEDULE.json", "Grid file, such as optimize writes")


@command("check", spectrum=False, **SCHEDULE, leave_out=("plot",), forms=TABULAR)
def check(given: Given) -> None:
    """What a host does with a grid's numbers as they are; exit code 4 where it would alter the grid or the scheme.

    Example: diffopt check grid.json --host diffusers --scheduler-config scheduler_config.json
    Example: diffopt check pasted.txt --host comfyui
    """
    from diffopt.api.check import check as call

    given.check()
    result = call(given.arguments["schedule"], **given.flags)
    given.finish(result)
    if result.altered:
        raise typer.Exit(ALTERED)
