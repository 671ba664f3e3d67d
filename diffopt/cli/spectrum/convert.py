"""`diffopt spectrum convert`: a spectrum in another form."""

from __future__ import annotations

from diffopt.api.spectrum_flags import SPECTRUM_FORMS
from diffopt.cli.command import command
from diffopt.cli.given import Given


@command("read_spectrum", leave_out=("plot",), forms=SPECTRUM_FORMS)
def convert(given: Given) -> None:
    """Write a spectrum in another format; provenance and ensembles are kept where the format can hold them.

    Example: diffopt spectrum convert cifar10.npz -o cifar10.json
    Example: diffopt spectrum convert covariance.npy -o eigenvalues.csv
    """
    from diffopt.api.read_spectrum import read_spectrum

    data = given.require_data()
    given.check()
    given.write(read_spectrum(data, **given.flags))
