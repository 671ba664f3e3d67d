"""Spectra near the given one, on which a grid made for that one is held out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffopt.data.spectrum import Spectrum

#: Relative size of every perturbation.
AMOUNT = 0.2


def scaled(spectrum: Spectrum) -> Spectrum:
    """Every eigenvalue times 1.2: data with more contrast."""
    return spectrum.scaled(1 + AMOUNT)


def tilted(spectrum: Spectrum) -> Spectrum:
    """eig^1.2 with the trace kept: a steeper power law."""
    eig = np.where(spectrum.eig > 0, spectrum.eig, 0.0) ** (1 + AMOUNT)
    eig = eig * (spectrum.trace / (spectrum.weight @ eig))
    return Spectrum(eig, spectrum.weight, spectrum.mean, f"tilted {spectrum.source}")


def blurred(spectrum: Spectrum) -> Spectrum:
    """Every eigenvalue split in two halves at 0.8 and 1.2 times itself: lines become bands."""
    eig = np.concatenate([spectrum.eig * (1 + AMOUNT), spectrum.eig * (1 - AMOUNT)])
    mean = None if spectrum.mean is None else np.tile(spectrum.mean, 2)
    return Spectrum(eig, np.tile(spectrum.weight / 2, 2), mean, f"blurred {spectrum.source}")


#: Perturbations by name.
PERTURBATIONS: dict[str, Callable[[Spectrum], Spectrum]] = {
    "scaled": scaled,
    "tilted": tilted,
    "blurred": blurred,
}
