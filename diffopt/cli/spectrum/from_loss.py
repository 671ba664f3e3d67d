"""`diffopt spectrum from-loss`: a spectrum for people who have a network rather than samples."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from diffopt.cli import spectrum_options as opt

Number = Optional[float]  # noqa: UP045


def register(app: typer.Typer) -> None:
    """Add the command to the `spectrum` group."""
    app.command("from-loss")(from_loss)


def from_loss(
    curve: Annotated[str, typer.Argument(metavar="CURVE", help="Text with columns sigma, mse; - for standard input.")],
    dim: Annotated[Number, typer.Option("--dim", help="Errors are per dimension of so many [default: summed].")] = None,
    sigma_cap: Annotated[Number, typer.Option("--sigma-cap", help="Leave out levels above [default: none].")] = None,
    eig_cap: Annotated[
        Number, typer.Option("--eig-cap", help="Largest eigenvalue [default: the error where the curve is flattest].")
    ] = None,
    output: opt.OutputFile = None,
    form: opt.Format = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
) -> None:
    """Covariance spectrum from the denoising errors of a network at some thirty noise ratios.

    Example: diffopt spectrum from-loss curve.csv --dim 3072 -o spectrum.json
    Example: diffopt spectrum from-loss curve.csv --sigma-cap 50 -o spectrum.npz
    """
    from diffopt.api.from_loss import from_loss as call
    from diffopt.cli import output as out
    from diffopt.cli.progress import groups
    from diffopt.cli.spectrum.output import write

    with groups("fitting", quiet):
        result = call(curve, dim=dim, sigma_cap=sigma_cap, eig_cap=eig_cap)
    for line in result.notes:
        out.note(line, quiet)
    data = result.dataset
    write(data.spectrum, data.facts, data.members, output, form or (None if output else "json"), force)
