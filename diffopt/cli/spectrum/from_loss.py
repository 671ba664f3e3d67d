"""`diffopt spectrum from-loss`: a spectrum for people who have a network rather than samples."""

from __future__ import annotations

from diffopt.api.spectrum_flags import SPECTRUM_FORMS
from diffopt.cli.command import command, piped
from diffopt.cli.given import Given

CURVE = piped("curve", "CURVE", "Text with columns sigma, mse")


@command("from_loss", spectrum=False, **CURVE, leave_out=("plot",), forms=SPECTRUM_FORMS)
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
