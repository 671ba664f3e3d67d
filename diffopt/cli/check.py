"""`diffopt check`: what a host really does with a grid."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from diffopt.cli import options as opt
from diffopt.cli.host_options import Config, Data, Schedule
from diffopt.cli.values import completer

#: Exit code where the host would alter the grid.
ALTERED = 4

Name = Annotated[
    str,
    typer.Option("--host", help="Host (diffopt list hosts), e.g. comfyui.", metavar="HOST", autocompletion=completer("host")),
]


def check(
    schedule: Schedule,
    host: Name,
    scheduler_config: Config = None,
    spectrum: Data = None,
    output: opt.Output = None,
    form: opt.Format = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
) -> None:
    """What a host does with a grid's numbers as they are; exit code 4 where it would alter the grid or the scheme.

    Example: diffopt check grid.json --host diffusers --scheduler-config scheduler_config.json
    Example: diffopt check pasted.txt --host comfyui
    """
    from diffopt.api.check import check as call
    from diffopt.cli import output as out

    chosen = out.chosen_format(form, output)
    out.check_paths(force, output)
    result = call(schedule, host, scheduler_config=scheduler_config, spectrum=spectrum)
    for note in result.notes:
        out.note(note, quiet)
    out.emit(result.render(chosen, out.terminal_width(), output is None and sys.stdout.isatty()), output, force, quiet)
    if result.altered:
        raise typer.Exit(ALTERED)
