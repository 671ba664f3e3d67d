"""`diffopt shift`: the shift of a flow model's grid."""

from __future__ import annotations

from diffopt.cli.command import Given, command


@command("shift", plot=False)
def shift(given: Given) -> None:
    """The flow shift that the data ask for, beside the closed law and what models ship.

    Example: diffopt shift latents.npy --tokens 4096 -n 28
    """
    from diffopt.api.shift import shift as verb

    data = given.require_data()
    given.check()
    given.finish(verb(data, **given.flags))
