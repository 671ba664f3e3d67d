"""`diffopt spectrum posterior`: the spectrum of x given y = A x + noise."""

from __future__ import annotations

from diffopt.api.spectrum_flags import SPECTRUM_FORMS
from diffopt.cli.command import command, piped
from diffopt.cli.given import Given

PRIOR = piped("prior", "PRIOR", "File of a covariance in pixels, power:EXPONENT, or a SPECTRUM")


@command("posterior", spectrum=False, **PRIOR, leave_out=("plot",), forms=SPECTRUM_FORMS)
def posterior(given: Given) -> None:
    """Posterior covariance spectrum of a linear inverse problem, ready for `diffopt optimize`.

    Example: diffopt spectrum posterior power:2 --shape 32,32 --operator blur:1.5 --noise 0.05 -o posterior.json
    Example: diffopt spectrum posterior power:2 --shape 16,16 --operator inpainting:0.5 --noise 0.1 -o posterior.npz
    """
    from diffopt.api.posterior import posterior as call
    from diffopt.cli.progress import groups

    given.check()
    with groups("diagonalizing", given.quiet):
        result = call(given.arguments["prior"], basis=given.form() == "npz", **given.flags)
    given.write(result)
