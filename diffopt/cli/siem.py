"""`diffopt siem`: how wrong a score network is, without sampling."""

from __future__ import annotations

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command, piped
from diffopt.cli.given import Given

OUTPUTS = piped(
    "file", "FILE", ".npz or .safetensors: x0 (or xt), noise, predicted (the network's estimate of noise, not x0 or v), sigma"
)


@command("siem", spectrum=False, **OUTPUTS, leave_out=("plot",), forms=TABULAR)
def siem(given: Given) -> None:
    """Score-error metric from a network's outputs: coherent, per particle, and the norm of the mean error.

    Example: diffopt siem outputs.npz
    Example: diffopt siem outputs.npz --window 0.1 --reference better.npz
    """
    from diffopt.api.siem import siem as call
    from diffopt.cli.progress import groups

    given.check()
    with groups("estimating", given.quiet):
        result = call(given.arguments["file"], **given.flags)
    given.finish(result)
