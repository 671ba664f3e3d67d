"""A spectrum at many scales: parts of real data mostly vary less than all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np

from diffopt.data.spectrum import Spectrum

#: Factors of the eigenvalues: from somewhat above the data's own to where local variances of pictures end.
SCALES = tuple(4.0 * 2.0**-j for j in range(13))

_KNOWN: WeakKeyDictionary[Spectrum, dict[tuple[float, tuple[float, ...]], Spectrum]] = WeakKeyDictionary()


def scaled_copies(spectrum: Spectrum, tilt: float, scales: Sequence[float] = SCALES) -> Spectrum:
    """Union of the spectrum times each factor, without its mean (theory.md, eq. 34).

    Parameters
    ----------
    spectrum : Spectrum
        The data's, d entries.
    tilt : float
        Exponent of the shares: that of factor c is proportional to c^tilt, and they add up to 1.
    scales : sequence of float
        The factors, k of them; (1,) is the spectrum alone.

    Returns
    -------
    Spectrum
        k d entries, factor by factor, weights times the shares; the same object whenever the same is asked for, so that
        short spectra of it are remembered too.
    """
    known = _KNOWN.setdefault(spectrum, {})
    asked = (tilt, tuple(scales))
    if asked not in known:
        factors = np.array(scales)
        shares = factors**tilt / np.sum(factors**tilt)
        eig = (factors[:, None] * spectrum.eig).ravel()
        known[asked] = Spectrum(eig, (shares[:, None] * spectrum.weight).ravel(), None, spectrum.source)
    return known[asked]
