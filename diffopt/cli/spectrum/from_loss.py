"""`diffopt spectrum from-loss`: a spectrum for people who have a network rather than samples."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from diffopt.api.spectrum_flags import SPECTRUM_FORMS
from diffopt.cli.command import command
from diffopt.cli.given import Given

Curve = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(metavar="[CURVE]", help="Text with columns sigma, mse; - for standard input; without it a pipe is read."),
]


@command("from_loss", spectrum=False, arguments={"curve": Curve}, needs="curve", leave_out=("plot",), forms=SPECTRUM_FORMS)
def from_loss(given: Given) -> None:
    """Covariance spectrum from the denoising errors of a network at some thirty noise ratios.

    Example: diffopt spectrum from-loss curve.csv --dim 3072 -o spectrum.json
    Example: diffopt spectrum from-loss curve.csv --sigma-cap 50 -o spectrum.npz
    """
    from diffopt.api.from_loss import from_loss as call
    from diffopt.cli.progress import groups

    given.check()
    with groups("fitting", given.quiet):
        result = call(given.arguments["curve"], **given.flags)
    given.write(result)
