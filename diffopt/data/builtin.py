"""Built-in spectra: measured on freely licensed images, or exact laws; no made-up numbers."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from importlib import resources

import numpy as np

from diffopt.data.spectrum import Spectrum

#: Directions of the power laws: as many as a 32 x 32 colour image has.
POWER_LAW_DIM = 3072


def photos() -> Spectrum:
    """Covariance spectrum of 16 x 16 colour patches of photographs, scaled to [-1, 1].

    Source, licence and script: diffopt/data/files/photos.md, benchmarks/make_photos.py.
    """
    data = resources.files("diffopt").joinpath("data", "files", "photos.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return Spectrum.create(archive["eigenvalues"], source="builtin:photos")


def _falling(exponent: float) -> Spectrum:
    """eig_k proportional to k^-exponent, k = 1..3072, with total variance dim/4 (sigma_data = 0.5)."""
    eig = np.arange(1, POWER_LAW_DIM + 1, dtype=np.float64) ** -exponent
    return Spectrum.create(eig * (0.25 * POWER_LAW_DIM / eig.sum()), source=f"builtin:power{exponent:g}")


def white() -> Spectrum:
    """3072 equal eigenvalues 1/4: data without structure (sigma_data = 0.5)."""
    return Spectrum.create(np.array([0.25]), np.array([float(POWER_LAW_DIM)]), source="builtin:white")


def _summaries() -> dict[str, str]:
    law = f"made up: eigenvalue k is k^-{{}}, k = 1..{POWER_LAW_DIM}, pooled standard deviation 0.5"
    return {
        "photos": "measured: 16 x 16 x 3 patches of six photographs, pixels in [-1, 1]; no model's latents",
        **{f"power{p}": law.format(p) for p in (1, 2, 3)},
        "white": f"made up: {POWER_LAW_DIM} equal eigenvalues, standard deviation 0.5, no structure",
    }


#: What each built-in is, in a sentence.
SUMMARIES = _summaries()

BUILTINS: dict[str, Callable[[], Spectrum]] = {
    "photos": photos,
    "power1": partial(_falling, 1.0),
    "power2": partial(_falling, 2.0),
    "power3": partial(_falling, 3.0),
    "white": white,
}
