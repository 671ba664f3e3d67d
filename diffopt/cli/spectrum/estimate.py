"""`diffopt spectrum estimate`: from samples to a spectrum."""

from __future__ import annotations

from diffopt.api.spectrum_flags import SPECTRUM_FORMS
from diffopt.cli.command import command, piped
from diffopt.cli.given import Given

SAMPLES = piped("path", "PATH", "File or folder of samples")


@command("estimate", spectrum=False, **SAMPLES, leave_out=("plot",), forms=SPECTRUM_FORMS)
def estimate(given: Given) -> None:
    """Covariance spectrum of a data set of any size.

    Example: diffopt spectrum estimate cifar10.zip --range 0,255:-1,1 -o cifar10.npz
    Example: diffopt spectrum estimate fields.npy --standardize 0.5 -o fields.npz
    Example: diffopt spectrum estimate latents.npy --method fourier --radial -o latents.npz
    """
    from diffopt.api.estimate import estimate as call
    from diffopt.cli.progress import Bar
    from diffopt.errors import InputError
    from diffopt.foundation.atomic import is_stream

    flags = dict(given.flags)
    given.check()
    if flags.pop("resume", False):
        if given.output is None:
            raise InputError("--resume keeps its checkpoint beside the output; name one with --output")
        if is_stream(given.output):
            raise InputError(f"--resume keeps its checkpoint beside the output, and {given.output} is no file; name one")
        flags["checkpoint"] = given.output.with_name(given.output.name + ".checkpoint")
    with Bar(given.quiet) as bar:
        result = call(given.arguments["path"], progress=bar, **flags)
    given.write(result)
