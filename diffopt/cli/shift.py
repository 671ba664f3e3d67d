"""`diffopt shift`: the shift of a flow model's grid."""

from __future__ import annotations

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command
from diffopt.cli.given import Given


@command("shift", forms=TABULAR)
def shift(given: Given) -> None:
    """The flow shift that the data ask for, beside the closed law and what models ship.

    Example: diffopt shift latents.npz --tokens 4096 -n 28
    Example: diffopt shift video.npz --tokens 1560 --frames 21 -n 30
    """
    from diffopt.api.shift import shift as verb
    from diffopt.cli.progress import groups

    data = given.require_data()
    given.check()
    with groups("placing shifts", given.quiet):
        result = verb(data, **given.flags)
    given.finish(result)
