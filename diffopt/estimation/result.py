"""What an estimate is: a spectrum and how it came about."""

from __future__ import annotations

from dataclasses import dataclass, field

from diffopt.data.spectrum import Spectrum
from diffopt.estimation.methods.lanczos import LanczosOptions
from diffopt.estimation.methods.raw_spectrum import RawSpectrum
from diffopt.estimation.sources.samples import Samples
from diffopt.foundation.arrays import Array

#: Reason of a method that was named.
ASKED = "asked for"
#: Bytes that the matrix of `pca` may take before `auto` turns to other methods.
MEMORY = 2 << 30


@dataclass(frozen=True)
class MethodOptions:
    """How the spectrum is computed.

    Attributes
    ----------
    method : str
        `auto`, `pca`, `fourier` or `lanczos`.
    shrinkage : str
        Name in `SHRINKAGE`.
    keep_mean : bool
        Whether mean projections are computed when the mean is more than noise.
    radial : bool
        Whether `fourier` averages over shells of equal wave number.
    memory : int
        Bytes that matrices may take.
    covariance : bool
        Whether the matrix in pixels is kept beside its eigenvalues (`pca`).
    lanczos : LanczosOptions
        Sizes of its stages, and the seed.
    """

    method: str = "auto"
    shrinkage: str = "none"
    keep_mean: bool = True
    radial: bool = False
    memory: int = MEMORY
    covariance: bool = False
    lanczos: LanczosOptions = field(default_factory=LanczosOptions)


@dataclass(frozen=True)
class Estimate:
    """A spectrum and how it came about.

    Attributes
    ----------
    spectrum : Spectrum
        After shrinkage.
    raw : RawSpectrum
        Before it.
    samples : Samples
        What was read, and how it was scaled.
    options : MethodOptions
        As asked for.
    method, why : str
        The method used, and the reason.
    covariance : ndarray of shape (d, d) or None
        In pixels, with the eigenvalues of `spectrum`, where it was wanted.
    """

    spectrum: Spectrum
    raw: RawSpectrum
    samples: Samples
    options: MethodOptions
    method: str
    why: str
    covariance: Array | None = None
