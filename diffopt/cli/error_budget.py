"""`diffopt error-budget`: where a sampler's error comes from."""

from __future__ import annotations

from diffopt.cli.command import Given, command
from diffopt.cli.evaluate import Grid


@command("budget", arguments={"grid": Grid})
def error_budget(given: Given) -> None:
    """Data, training, steps, noise floor, start: how much of the error is whose, and what would help most.

    Example: diffopt error-budget builtin:photos --samples 50000 --solver heun --steps 18 --start sigma
    """
    from diffopt.api.budget import budget

    data = given.require_data()
    given.check()
    given.finish(budget(data, grid=given.arguments["grid"], force=given.force, **given.flags))
