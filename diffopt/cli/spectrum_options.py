"""The flags of the `diffopt spectrum` commands, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

OutputFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--output", "-o", help="File to write; the suffix (.json, .npz, .npy, .csv) is the format."),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing output file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")]
Format = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--format", help="json, npz, csv or table; a table on a terminal, json otherwise."),
]
Key = Annotated[Optional[str], typer.Option("--key", help="Array in a file that holds several.")]  # noqa: UP045
Range = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--range", help="Map stored to model numbers, such as 0,255:-1,1 [default: full range of integers]."
    ),
]
Scale = Annotated[Optional[float], typer.Option("--scale", help="Factor, after --range.")]  # noqa: UP045
Shift = Annotated[Optional[float], typer.Option("--shift", help="Offset, after --scale.")]  # noqa: UP045
Labels = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--labels", help="Class of each sample (.npy, .txt, .csv, EDM dataset.json): one spectrum each."
    ),
]
