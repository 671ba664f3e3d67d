"""`diffopt spectrum show`: a spectrum in a few lines."""

from __future__ import annotations

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command
from diffopt.cli.given import Given


@command("read_spectrum", leave_out=("output",), forms=TABULAR)
def show(given: Given) -> None:
    """Summary and chart of a spectrum.

    Example: diffopt spectrum show builtin:photos
    Example: diffopt spectrum show cifar10.npz --plot cifar10.svg
    Example: diffopt spectrum show cifar10.npz --format csv
    """
    from diffopt.api.read_spectrum import read_spectrum

    data = given.require_data()
    given.check()
    given.finish(read_spectrum(data, **given.flags).summary())
