"""`diffopt spectrum synthesize`: a made-up spectrum."""

from __future__ import annotations

from typing import Annotated

import typer

from diffopt.api.spectrum_flags import SPECTRUM_FORMS
from diffopt.cli.command import command
from diffopt.cli.given import Given
from diffopt.cli.values import completer

KindArgument = Annotated[
    str, typer.Argument(help="power_law, exponential, two_level or radial.", autocompletion=completer("spectrum_kind"))
]


@command("synthesize", spectrum=False, arguments={"kind": KindArgument}, leave_out=("plot",), forms=SPECTRUM_FORMS)
def synthesize(given: Given) -> None:
    """Make up a spectrum.

    Example: diffopt spectrum synthesize power_law --dim 3072 --exponent 1.5 -o law.npz
    Example: diffopt spectrum synthesize radial --table pk.txt --shape 64,64 -o field.npz
    """
    from diffopt.api.synthesize import synthesize as call

    given.check()
    given.write(call(given.arguments["kind"], **given.flags))
