"""`diffopt list` and `diffopt schema`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from diffopt.api.flags import OUTPUT
from diffopt.cli.command import command
from diffopt.cli.given import Given
from diffopt.cli.values import completer

What = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(
        metavar="[KIND]",
        help="solvers, schedules, designs, objectives, processes, hosts or builtins [default: all].",
        autocompletion=completer("list"),
    ),
]
Name = Annotated[Optional[str], typer.Argument(metavar="[NAME]", help="Schema name, e.g. diffopt.schedule/1 [default: all].")]  # noqa: UP045
#: What a printed list has no use for.
PRINTED = tuple(flag.name for flag in OUTPUT if flag.name != "format")


@command("names", spectrum=False, arguments={"what": What}, leave_out=PRINTED)
def list_names(given: Given) -> None:
    """Names that the flags accept.

    Example: diffopt list
    Example: diffopt list solvers --format json
    Example: diffopt list schedules --long
    """
    from diffopt.api.names import names

    given.finish(names(given.arguments["what"], **given.flags))


@command("schema", spectrum=False, arguments={"name": Name}, leave_out=(*PRINTED, "format"), forms={".json": "json"})
def schema(given: Given) -> None:
    """JSON schemas of the files that diffopt writes.

    Example: diffopt schema diffopt.schedule/1
    Example: diffopt schema > schemas.json
    """
    from diffopt.api.schema import schema as call
    from diffopt.cli import output as out

    out.emit(call(given.arguments["name"]).render(), None, False, True)
