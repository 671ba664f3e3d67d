"""`diffopt error-budget`: where a sampler's error comes from."""

from __future__ import annotations

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command
from diffopt.cli.evaluate import GridArgument
from diffopt.cli.given import Given


@command("budget", arguments={"grid": GridArgument}, forms=TABULAR)
def error_budget(given: Given) -> None:
    """Data, training, steps, noise floor, start: how much of the error is whose, and what would help most.

    Example: diffopt error-budget builtin:photos --samples 50000 --solver heun --steps 18 --start sigma
    Example: diffopt error-budget spectrum.npy --samples 5000 --minimize sigma_min,steps --subject-to 'calls<=40'
    """
    from diffopt.api.budget import budget
    from diffopt.cli.progress import groups
    from diffopt.errors import InputError

    data = given.require_data()
    given.check()
    if given.flags.get("over") in ("samples", "steps") and given.plot is None:
        raise InputError("--over has no effect without --plot FILE: it is what the picture runs over")
    with groups("adding up errors", given.quiet, "repetitions") as progress:
        result = budget(data, grid=given.arguments["grid"], force=given.force, progress=progress, **given.flags)
    given.finish(result)
