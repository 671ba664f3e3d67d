"""`diffopt optimize`: the main job."""

from __future__ import annotations

import typer

from diffopt.cli.command import NOT_CONVERGED, command
from diffopt.cli.given import Given


@command("optimize")
def optimize(given: Given) -> None:
    """The best step grid for a spectrum, a solver and a budget.

    Example: diffopt optimize builtin:photos --solver heun --steps 10 -o grid.json
    Example: diffopt optimize spectrum.npy -s dpmpp_2m -n 20 --scheduler-config scheduler_config.json --format lines
    Example: diffopt optimize spectrum.npy -s heun -n 18 --schedule karras --free family
    """
    from diffopt.api.optimize import optimize as call
    from diffopt.cli.output import note
    from diffopt.cli.progress import counter

    data = given.require_data()
    given.check()
    with counter("optimizing", given.quiet) as progress:
        result = call(data, progress=progress, **given.flags)
    given.finish(result)
    if not result.converged:
        note(f"not converged: {result.document['optimizer']['message']}", quiet=False)
        raise typer.Exit(NOT_CONVERGED)
