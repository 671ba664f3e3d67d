"""`diffopt list` and `diffopt schema`."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from diffopt.cli import options as opt
from diffopt.cli.values import completer

What = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(
        metavar="[KIND]",
        help="solvers, schedules, designs, objectives, processes, hosts or builtins [default: all].",
        autocompletion=completer("list"),
    ),
]
Long = Annotated[bool, typer.Option("--long", help="Formulas and references.")]
Name = Annotated[Optional[str], typer.Argument(metavar="[NAME]", help="Schema name, e.g. diffopt.schedule/1 [default: all].")]  # noqa: UP045


def list_names(what: What = None, long: Long = False, form: opt.Format = None) -> None:
    """Names that the flags accept.

    Example: diffopt list
    Example: diffopt list solvers --format json
    Example: diffopt list schedules --long
    """
    from diffopt.cli import output as out
    from diffopt.report.catalogue import inventory, inventory_rows

    groups = inventory(what, long)
    chosen = out.chosen_format(form, None)
    if chosen == "json":
        from diffopt.report.text import to_json

        out.emit(to_json(groups), None, False, True)
        return
    for kind, rows in groups.items():
        out.emit(inventory_rows(kind, rows, chosen, out.terminal_width(), sys.stdout.isatty()), None, False, True)


def schema(name: Name = None) -> None:
    """JSON schemas of the files that diffopt writes.

    Example: diffopt schema diffopt.schedule/1
    Example: diffopt schema > schemas.json
    """
    from diffopt.cli import output as out
    from diffopt.documents.schemas import DOCUMENTS
    from diffopt.errors import InputError
    from diffopt.report.text import to_json

    if name is not None and name not in DOCUMENTS:
        raise InputError(f"no schema {name!r}; use one of {', '.join(DOCUMENTS)}")
    if name is not None:
        out.emit(to_json(DOCUMENTS[name].model_json_schema(by_alias=True)), None, False, True)
    else:
        everything = {key: model.model_json_schema(by_alias=True) for key, model in DOCUMENTS.items()}
        out.emit(to_json(everything), None, False, True)
