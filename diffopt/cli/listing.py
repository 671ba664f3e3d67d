"""`diffopt list` and `diffopt schema`."""

from __future__ import annotations

import sys

from diffopt.api.flags import OUTPUT, TABULAR
from diffopt.cli.command import command, optional
from diffopt.cli.given import Given
from diffopt.cli.values import completer

What = optional(
    "KIND", "solvers, schedules, designs, objectives, processes, hosts or builtins [default: all].", complete=completer("list")
)
Name = optional("NAME", "Schema name, e.g. diffopt.schedule/1.")
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


@command("schema", spectrum=False, arguments={"name": Name}, leave_out=PRINTED, forms=TABULAR)
def schema(given: Given) -> None:
    """JSON schemas of the files that diffopt writes; without a name, on a terminal, what there is.

    Example: diffopt schema
    Example: diffopt schema diffopt.schedule/1
    Example: diffopt schema --all > schemas.json
    """
    from diffopt.api.schema import schema as call
    from diffopt.cli import output as out
    from diffopt.errors import InputError

    name, every = given.arguments["name"], given.flags.get("all", False)
    if every and name is not None:
        raise InputError(f"--all has no effect beside {name}; leave one out")
    whole = every or name is not None
    if whole and given.format not in (None, "json"):
        raise InputError(f"--format {given.format}: a schema is JSON; leave it out")
    form = "json" if whole else given.form()
    out.emit(call(name).render(form, out.terminal_width(), sys.stdout.isatty()), None, False, True)
