"""`diffopt.read_spectrum`: data as every verb reads them."""

from __future__ import annotations

from typing import Unpack

from diffopt.api.arguments import Flags, check, loaded, telling, verb
from diffopt.api.likes import SpectrumLike
from diffopt.api.results.spectrum import SpectrumResult


@verb
def read_spectrum(spectrum: SpectrumLike, **flags: Unpack[Flags]) -> SpectrumResult:
    """Read a spectrum as every verb does, to look at it or to write it in another form.

    Parameters
    ----------
    spectrum : path, str, array, Spectrum, Dataset or estimate
        Data, as in :func:`diffopt.optimize`.
    **flags
        `key`, `feature_space` and `max_member`: which array of a file, and what may be read.

    Returns
    -------
    SpectrumResult
        `.save(path)` writes .json, .npz, .npy or .csv, `.summary()` and `.plot()` show it.

    Raises
    ------
    InputError
        Missing, unreadable or unsuitable data.
    TypeError
        An unknown keyword, with the nearest one.

    Examples
    --------
    >>> import diffopt
    >>> found = diffopt.read_spectrum("builtin:photos")
    >>> found.summary().document["dim"]
    768
    """
    check("read_spectrum", flags)
    with telling():
        return SpectrumResult(loaded(spectrum, flags))
