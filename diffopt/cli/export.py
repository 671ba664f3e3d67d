"""`diffopt export`: a grid in the form that a host reads."""

from __future__ import annotations

from diffopt.cli.check import SCHEDULE
from diffopt.cli.command import command
from diffopt.cli.given import Given


@command("export", spectrum=False, **SCHEDULE, leave_out=("plot", "format"))
def export(given: Given) -> None:
    """A grid as a program reads it; what it will run, and its error as it runs there, on stderr.

    Example: diffopt export grid.json --to comfyui
    Example: diffopt export grid.json --to comfyui:workflow -o workflow_api.json
    Example: diffopt export grid.json --to diffusers --scheduler-config scheduler_config.json -o grid.py
    """
    from diffopt.api.export import export as call
    from diffopt.cli import output as out

    out.check_paths(given.force, given.output)
    text = call(given.arguments["schedule"], **given.flags)
    for line in (*text.notes, *text.statement):
        out.note(line, given.quiet)
    out.emit_bytes(text.content, given.output, given.force, given.quiet)
