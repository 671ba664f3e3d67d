"""The flags of the `diffopt spectrum` commands, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from diffopt.cli.output import target
from diffopt.cli.values import completer

OutputFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output", "-o", parser=target, metavar="FILE", help="File to write; the suffix (.json, .npz, .npy, .csv) is the format."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing output file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")]
Format = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--format", help="json, npz, csv or table; a table on a terminal, json otherwise."),
]
Key = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--key", help="Array in a file that holds several, or kind of member, such as latent.npy."),
]
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
Shrinkage = Annotated[
    str,
    typer.Option(
        "--shrinkage", help="none, population, analytical, ledoit_wolf or oas.", autocompletion=completer("shrinkage")
    ),
]
Radial = Annotated[bool, typer.Option("--radial", help="fourier: average over equal wave numbers.")]
Mean = Annotated[bool, typer.Option("--mean/--no-mean", help="Keep the mean if it is more than noise.")]
BootSteps = Annotated[int, typer.Option("--boot-steps", min=1, help="Steps of the grids under --n-boot.")]
Clusters = Annotated[int, typer.Option("--clusters", min=0, help="k-means clusters: one spectrum each.")]
Reader = Annotated[
    str | None,
    typer.Option("--reader", help="Format, where the name does not tell."),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out broken samples and count them.")]
MaxExpanded = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--max-expanded", help="Gigabytes an archive may expand to [default: 1024; 16 if it shrinks to 1/200]."),
]
MaxArray = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--max-member", help="Gigabytes that an array of a compressed file may take [default: 1]."),
]
MaxMember = Annotated[float, typer.Option("--max-member", help="Gigabytes of one member, chunk or image.")]
Columns = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--columns", help="Columns of a table: all, names, or numbers such as 2-5 [default: no index, no classes]."),
]
Header = Annotated[str, typer.Option("--header", help="Whether a table's first line holds names: auto, yes or no.")]
MissingValues = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--missing", help="Numbers that mean no value, such as -9999, or none [default: usual ones are asked about]."),
]
Mode = Annotated[Optional[str], typer.Option("--mode", help="L or RGB: convert every image to it.")]  # noqa: UP045
Channels = Annotated[
    str, typer.Option("--channels", help="Axis of a sample with its channels: auto, first, last, none, or its number from 0.")
]
Standardize = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--standardize", metavar="STD", help="Map to pooled mean 0 and this standard deviation (one pass more)."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="dask: local processes without a scheduler.")]
Resume = Annotated[bool, typer.Option("--resume", help="Keep a checkpoint beside --output; continue it.")]
Method = Annotated[str, typer.Option("--method", help="auto, pca, fourier or lanczos.", autocompletion=completer("method"))]
BootSolver = Annotated[str, typer.Option("--boot-solver", help="Solver of those grids.", autocompletion=completer("solver"))]
Engine = Annotated[str, typer.Option("--engine", help="local or dask.", autocompletion=completer("engine"))]
