"""`diffopt eta`: how much noise a sampler should inject."""

from __future__ import annotations

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command
from diffopt.cli.given import Given


@command("best_eta", forms=TABULAR)
def eta(given: Given) -> None:
    """Best noise coefficient: none, constant, a window in log sigma, per step; by objective and clock.

    Example: diffopt eta builtin:photos -s ddim -n 20 --schedule karras --score-error data:0.05 --start sigma
    Example: diffopt eta spectrum.npy -s euler_ancestral -n 12 --design constant
    Example: diffopt eta spectrum.npy -s euler_ancestral -n 12 --process table --betas sd --host comfyui
    """
    from diffopt.api.best_eta import best_eta
    from diffopt.cli.progress import groups

    data = given.require_data()
    given.check()
    with groups("scanning eta", given.quiet, "answers") as progress:
        result = best_eta(data, progress=progress, **given.flags)
    given.finish(result)
