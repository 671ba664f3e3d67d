"""`diffopt recommend`: which solver for a budget."""

from __future__ import annotations

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command
from diffopt.cli.given import Given


@command("recommend", forms=TABULAR)
def recommend(given: Given) -> None:
    """Which solver, which grid, how many steps, for a number of denoiser calls.

    Example: diffopt recommend builtin:photos --calls 8 --host comfyui
    Example: diffopt recommend latents.npz --calls 20 --process flow --shift sd3
    """
    from diffopt.api.recommend import recommend as verb
    from diffopt.cli.progress import groups

    data = given.require_data()
    given.check()
    with groups("comparing", given.quiet, "solvers") as progress:
        result = verb(data, progress=progress, **given.flags)
    given.finish(result)
