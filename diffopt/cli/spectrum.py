"""`diffopt spectrum`: from samples to a spectrum, looking at one, making one up, converting files."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from diffopt.cli import spectrum_options as opt

app = typer.Typer(help="Estimate, show, make and convert covariance spectra.", rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Estimate, show, make and convert covariance spectra."""


@app.command()
def estimate(
    path: Annotated[str, typer.Argument(help="File or folder of samples.")],
    method: Annotated[str, typer.Option("--method", help="auto, pca, fourier or lanczos.")] = "auto",
    ranges: opt.Range = None,
    scale: opt.Scale = None,
    shift: opt.Shift = None,
    shrinkage: Annotated[
        str, typer.Option("--shrinkage", help="none, population, analytical, ledoit_wolf or oas.")
    ] = "none",
    radial: Annotated[bool, typer.Option("--radial", help="fourier: average over equal wave numbers.")] = False,
    mean: Annotated[bool, typer.Option("--mean/--no-mean", help="Keep the mean if it is more than noise.")] = True,
    n_boot: Annotated[int, typer.Option("--n-boot", min=0, help="Bootstrap replicates for bands.")] = 0,
    boot_steps: Annotated[int, typer.Option("--boot-steps", min=1, help="Steps of the grids under --n-boot.")] = 10,
    boot_solver: Annotated[str, typer.Option("--boot-solver", help="Solver of those grids.")] = "euler",
    labels: opt.Labels = None,
    clusters: Annotated[int, typer.Option("--clusters", min=0, help="k-means clusters: one spectrum each.")] = 0,
    patches: Annotated[int, typer.Option("--patches", min=0, help="Side of tiles: one spectrum each.")] = 0,
    bands: Annotated[int, typer.Option("--bands", min=0, help="Frequency bands: one spectrum each.")] = 0,
    key: opt.Key = None,
    reader: Annotated[Optional[str], typer.Option("--reader", help="Format, where the name does not tell.")] = None,  # noqa: UP045
    channels: Annotated[str, typer.Option("--channels", help="auto, first, last or none.")] = "auto",
    window: Annotated[int, typer.Option("--window", help="Frames per window of sound.")] = 16384,
    hop: Annotated[int, typer.Option("--hop", help="Frames between windows [default: the window].")] = 0,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out broken samples and count them.")] = False,
    block: Annotated[int, typer.Option("--block", min=0, help="Rows per block [default: by dimension].")] = 0,
    memory: Annotated[float, typer.Option("--memory", help="Gigabytes that matrices may take.")] = 2.0,
    max_expanded: Annotated[float, typer.Option("--max-expanded", help="Gigabytes an archive may expand to.")] = 1024,
    engine: Annotated[str, typer.Option("--engine", help="local or dask.")] = "local",
    scheduler: Annotated[Optional[str], typer.Option("--scheduler", help="dask: tcp://host:port.")] = None,  # noqa: UP045
    workers: Annotated[int, typer.Option("--workers", min=1, help="dask: local processes without a scheduler.")] = 2,
    resume: Annotated[bool, typer.Option("--resume", help="Keep a checkpoint beside --output; continue it.")] = False,
    seed: opt.Seed = 0,
    output: opt.OutputFile = None,
    form: opt.Format = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
) -> None:
    """Covariance spectrum of a data set of any size.

    Example: diffopt spectrum estimate cifar10.zip --range 0,255:-1,1 -o cifar10.npz
    """
    flags = locals()
    from diffopt.cli.spectrum_estimate import Request, run

    run(Request(**flags))
