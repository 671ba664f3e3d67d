"""Options that `export` and `check` share."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from diffopt.cli.values import spectrum

Schedule = Annotated[
    str, typer.Argument(metavar="SCHEDULE.json", help="Grid file, such as optimize writes; - for standard input.")
]
Config = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--scheduler-config", help="diffusers: the model's scheduler_config.json, or its folder.", metavar="FILE"),
]
Data = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--spectrum", help="Data for which errors are stated [default: the file's own].", metavar="SPECTRUM",
        autocompletion=spectrum,
    ),
]
