"""Shared command-line options; every default is None, so that a config file can fill the gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from diffopt.cli.values import completer


# typer reads these annotations at run time; Optional keeps them readable on every supported Python.
def _option(kind: type, names: str, help_text: str, metavar: str | None = None, flag: str = ""):  # type: ignore[no-untyped-def]
    option = typer.Option(*names.split(), help=help_text, metavar=metavar, autocompletion=completer(flag))
    return Annotated[Optional[kind], option]  # noqa: UP045


Key = _option(str, "--key", "Array of an .npz to read.", "NAME")
Output = _option(Path, "--output -o", "Write to a file, atomically [default: stdout].", "FILE")
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing output.")]
FORMS = "json, table, csv, markdown or lines [default: table on a terminal, else json]."
Format = _option(str, "--format", FORMS, "KIND", "format")
Seed = _option(int, "--seed", "Where randomness enters [default: 0].")
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
