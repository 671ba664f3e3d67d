"""`diffopt export`: a grid in the form that a host reads."""

from __future__ import annotations

from typing import Annotated

import typer

from diffopt.cli import options as opt
from diffopt.cli.host_options import Config, Data, Schedule
from diffopt.cli.values import completer

To = Annotated[
    str,
    typer.Option(
        "--to", help="Host (diffopt list hosts), with a form: comfyui:workflow.", metavar="HOST", autocompletion=completer("host")
    ),
]


def export(
    schedule: Schedule,
    to: To,
    scheduler_config: Config = None,
    spectrum: Data = None,
    output: opt.Output = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
) -> None:
    """A grid as a program reads it; what it will run, and the exact error there, on stderr.

    Example: diffopt export grid.json --to comfyui
    Example: diffopt export grid.json --to comfyui:workflow -o workflow_api.json
    Example: diffopt export grid.json --to diffusers --scheduler-config scheduler_config.json -o grid.py
    """
    from diffopt.api.export import content
    from diffopt.api.export import export as call
    from diffopt.cli import output as out

    out.check_paths(force, output)
    text = call(schedule, to, scheduler_config=scheduler_config, spectrum=spectrum)
    for line in (*text.notes, *text.statement):
        out.note(line, quiet)
    out.emit_bytes(content(text), output, force, quiet)
