"""`diffopt spectrum`: from samples to a spectrum, looking at one, making one up, converting files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from diffopt.cli import spectrum_options as opt
from diffopt.cli.command import Spectrum, given_or_piped
from diffopt.cli.help import GroupedCommand, WholeGroup
from diffopt.cli.spectrum import from_loss, posterior

app = typer.Typer(
    help="Estimate, show, make and convert covariance spectra.", cls=WholeGroup, rich_markup_mode=None
)


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Estimate, show, make and convert covariance spectra."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(cls=GroupedCommand)
def estimate(
    path: Annotated[str, typer.Argument(help="File or folder of samples, or - for standard input.")],
    method: opt.Method = "auto",
    ranges: opt.Range = None,
    scale: opt.Scale = None,
    shift: opt.Shift = None,
    standardize: opt.Standardize = None,
    shrinkage: opt.Shrinkage = "none",
    radial: opt.Radial = False,
    mean: opt.Mean = True,
    n_boot: Annotated[int, typer.Option("--n-boot", min=0, help="Bootstrap replicates for bands.")] = 0,
    boot_steps: opt.BootSteps = 10,
    boot_solver: opt.BootSolver = "euler",
    labels: opt.Labels = None,
    clusters: opt.Clusters = 0,
    patches: Annotated[int, typer.Option("--patches", min=0, help="Side of tiles: one spectrum each.")] = 0,
    bands: Annotated[int, typer.Option("--bands", min=0, help="Frequency bands: one spectrum each.")] = 0,
    key: opt.Key = None,
    reader: opt.Reader = None,
    channels: opt.Channels = "auto",
    columns: opt.Columns = None,
    header: opt.Header = "auto",
    missing: opt.MissingValues = None,
    mode: opt.Mode = None,
    window: Annotated[int, typer.Option("--window", help="Frames per window of sound.")] = 16384,
    hop: Annotated[int, typer.Option("--hop", help="Frames between windows [default: the window].")] = 0,
    skip_bad: opt.SkipBad = False,
    block: Annotated[int, typer.Option("--block", min=0, help="Rows per block [default: by dimension].")] = 0,
    memory: Annotated[float, typer.Option("--memory", help="Gigabytes that matrices may take.")] = 2.0,
    max_member: opt.MaxMember = 0.5,
    max_expanded: opt.MaxExpanded = None,
    engine: opt.Engine = "local",
    scheduler: Annotated[Optional[str], typer.Option("--scheduler", help="dask: tcp://host:port.")] = None,  # noqa: UP045
    workers: opt.Workers = 2,
    resume: opt.Resume = False,
    seed: opt.Seed = 0,
    output: opt.OutputFile = None,
    form: opt.Format = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
) -> None:
    """Covariance spectrum of a data set of any size.

    Example: diffopt spectrum estimate cifar10.zip --range 0,255:-1,1 -o cifar10.npz
    Example: diffopt spectrum estimate fields.npy --standardize 0.5 -o fields.npz
    Example: diffopt spectrum estimate latents.npy --method fourier --radial -o latents.npz
    """
    flags = locals()
    from diffopt.cli.spectrum.estimate import run

    run(**flags)


@app.command(cls=GroupedCommand)
def show(
    spectrum: Spectrum = None,
    plot: Annotated[Optional[Path], typer.Option("--plot", help="Also draw it, .png or .svg.")] = None,  # noqa: UP045
    key: opt.Key = None,
    max_member: opt.MaxArray = None,
    form: opt.Format = None,
    force: opt.Force = False,
) -> None:
    """Summary and chart of a spectrum.

    Example: diffopt spectrum show builtin:photos
    Example: diffopt spectrum show cifar10.npz --plot cifar10.svg
    """
    from diffopt.cli.output import check_paths
    from diffopt.cli.spectrum.output import show as render
    from diffopt.cli.spectrum.output import spoken
    from diffopt.documents.spectrum_file import load_dataset

    check_paths(force, None, plot)
    with spoken():
        data = load_dataset(given_or_piped(spectrum), key, max_member=max_member)
    render(data, plot, form, force)


@app.command(cls=GroupedCommand)
def synthesize(
    kind: Annotated[str, typer.Argument(help="power_law, exponential, two_level or radial.")],
    dim: Annotated[int, typer.Option("--dim", help="Number of directions.")] = 3072,
    exponent: Annotated[
        float, typer.Option("--exponent", help="power_law: eigenvalue i is i^-EXPONENT.")
    ] = 2.0,
    decades: Annotated[
        float, typer.Option("--decades", help="exponential: powers of ten from first to last.")
    ] = 4.0,
    ratio: Annotated[float, typer.Option("--ratio", help="two_level: lower level over upper level.")] = 1e-4,
    fraction: Annotated[float, typer.Option("--fraction", help="two_level: share of the upper level.")] = 0.1,
    table: Annotated[Optional[Path], typer.Option("--table", help="radial: text file of k, P(k).")] = None,  # noqa: UP045
    shape: Annotated[Optional[str], typer.Option("--shape", help="radial: sides of the grid, 64,64.")] = None,  # noqa: UP045
    spacing: Annotated[float, typer.Option("--spacing", help="radial: distance of grid points.")] = 1.0,
    std: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--std", help="Pooled standard deviation [default: 0.5; radial: that of P(k)]."),
    ] = None,
    output: opt.OutputFile = None,
    form: opt.Format = None,
    force: opt.Force = False,
) -> None:
    """Make up a spectrum.

    Example: diffopt spectrum synthesize power_law --dim 3072 --exponent 1.5 -o law.npz
    Example: diffopt spectrum synthesize radial --table pk.txt --shape 64,64 -o field.npz
    """
    from diffopt.cli.spectrum.output import write
    from diffopt.cli.spectrum.synthesize import make

    made = make(kind, dim, exponent, decades, ratio, fraction, table, shape, spacing, std)
    write(made, {"method": "synthesize"}, None, output, form, force)


@app.command(cls=GroupedCommand)
def convert(
    spectrum: Spectrum = None,
    key: opt.Key = None,
    max_member: opt.MaxArray = None,
    output: opt.OutputFile = None,
    form: opt.Format = None,
    force: opt.Force = False,
) -> None:
    """Write a spectrum in another format; provenance and ensembles are kept where the format can hold them.

    Example: diffopt spectrum convert cifar10.npz -o cifar10.json
    Example: diffopt spectrum convert covariance.npy -o eigenvalues.csv
    """
    from diffopt.cli.spectrum.output import spoken, write
    from diffopt.documents.spectrum_file import load_dataset

    with spoken():
        data = load_dataset(given_or_piped(spectrum), key, max_member=max_member)
    write(data.spectrum, data.facts, data.members, output, form or (None if output else "json"), force)


posterior.register(app)
from_loss.register(app)
