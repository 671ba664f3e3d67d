"""`diffopt simulate`: the real sampler on data that are not Gaussian."""

from __future__ import annotations

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command, optional
from diffopt.cli.given import Given

GridsArgument = optional("GRID.json ...", "Grid files, such as optimize writes; - for standard input.", list[str])


@command("simulate", spectrum=False, arguments={"grids": GridsArgument}, forms=TABULAR)
def simulate(given: Given) -> None:
    """Run samplers with an exact score that is not Gaussian, or with your own denoiser, and measure their samples.

    Columns without a prefix are distances to a fine run from the same noise, data_ to independent data.

    Example: diffopt simulate --samples digits.npy --schedule karras,exponential,optimized -s heun -n 5,8
    Example: diffopt simulate --denoiser model:denoise --shape 3,32,32 grid.json --count 500
    """
    import contextlib
    import sys

    from diffopt.api.simulate import simulate as call
    from diffopt.cli.progress import groups

    given.check()
    # What a user's module prints is talk; standard output is for the result.
    with contextlib.redirect_stdout(sys.stderr), groups("simulating", given.quiet) as progress:
        result = call(None, given.arguments["grids"] or None, progress=progress, **given.flags)
    given.finish(result)
