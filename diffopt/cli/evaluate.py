"""`diffopt evaluate`: exact errors of a given grid."""

from __future__ import annotations

from diffopt.cli.command import command, optional
from diffopt.cli.given import Given

GridArgument = optional("SCHEDULE", "Grid file, such as optimize writes; - for standard input.")


@command("evaluate", arguments={"grid": GridArgument})
def evaluate(given: Given) -> None:
    """Exact errors of a grid on a spectrum.

    Example: diffopt evaluate builtin:photos --schedule karras --solver heun --steps 10
    Example: diffopt evaluate spectrum.npy grid.json
    Example: diffopt evaluate spectrum.npy -s dpmpp_2m --sigmas "14.6,6.5,2.7,1.1,0.4,0.03,0"
    """
    from diffopt.api.evaluate import evaluate as call
    from diffopt.api.grids import ANSWERED
    from diffopt.cli.progress import groups

    data, grid = given.require_data(), given.arguments["grid"]
    given.check()
    listed = grid is not None or {"sigmas", "times"} & given.explicit
    # Settings of a configuration that are meant for other commands do not contradict a given grid.
    flags = given.without((*ANSWERED, "schedule", "sigmas", "times")) if listed else given.flags
    with groups("evaluating, beside the optimum", given.quiet):
        result = call(data, grid, **flags)
    given.finish(result)
