"""The one function: samples in, spectrum out, with everything an honest report needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.estimation.correction.covariance import corrected_covariance, refuse_population
from diffopt.estimation.correction.shrinkage import shrink
from diffopt.estimation.engines.local import Engine, Local
from diffopt.estimation.methods.fourier import fourier
from diffopt.estimation.methods.lanczos import LanczosOptions, fitted, lanczos
from diffopt.estimation.methods.pca import dual, pca
from diffopt.estimation.methods.raw_spectrum import RawSpectrum
from diffopt.estimation.readers import open_source
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.result import ASKED, Estimate, MethodOptions
from diffopt.estimation.sources.matrix import refuse_matrix
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.scaling import Scaling
from diffopt.estimation.sources.source import ArraySource, Source, StreamSource


def _dual_fits(samples: Samples, options: MethodOptions) -> bool:
    """Whether the matrix of inner products of the samples is the smaller one, and they fit in memory."""
    n, d = samples.source.count, samples.dim
    return n is not None and n < d // 2 and 8 * n * d <= options.memory


def _pca(samples: Samples, engine: Engine, options: MethodOptions) -> RawSpectrum:
    if not options.covariance and _dual_fits(samples, options):
        return dual(samples, engine, options.keep_mean)
    d = samples.dim
    if 8 * d * d > 8 * options.memory:
        raise InputError(f"pca in {d} dimensions needs a matrix of {size(8 * d * d)}; use --method lanczos or fourier")
    return pca(samples, engine, options.keep_mean, options.shrinkage == "ledoit_wolf", options.covariance)


def _fourier(samples: Samples, engine: Engine, options: MethodOptions) -> RawSpectrum:
    source = samples.source
    if source.doubt is not None:
        raise InputError(
            f"{source.label}: samples of shape {samples.shape}: {source.doubt}; say --channels first, last, none or the "
            "number of the axis"
        )
    channels = 1 if samples.source.channels is None else samples.shape[samples.source.channels]
    need = 16 * channels * samples.dim
    if need > options.memory:
        raise InputError(
            f"fourier with {channels} channels needs {size(need)} for their cross spectra; "
            "check --channels or raise --memory"
        )
    return fourier(samples, engine, options.keep_mean, options.radial)


def _lanczos(samples: Samples, engine: Engine, options: MethodOptions) -> RawSpectrum:
    try:
        sizes = fitted(options.lanczos, samples.dim, options.memory)
    except InputError as error:
        n, d = samples.source.count, samples.dim
        if n is None or n >= d // 2:
            raise
        need = 1.001 * 8 * n * d / 2**30
        raise InputError(f"{error}; for the inner products of the {n} samples --memory {need:.4g} is enough") from None
    return lanczos(samples, engine, options.keep_mean, sizes)


METHODS: dict[str, Callable[[Samples, Engine, MethodOptions], RawSpectrum]] = {
    "pca": _pca,
    "fourier": _fourier,
    "lanczos": _lanczos,
}


def choose(samples: Samples, options: MethodOptions) -> tuple[str, str]:
    """Choose the method and say why.

    Raises
    ------
    InputError
        An unknown method.
    """
    if options.covariance:
        return _with_covariance(samples, options)
    if options.method != "auto":
        if options.method not in METHODS:
            raise InputError(f"method must be auto, {', '.join(METHODS)}; got {options.method!r}")
        return options.method, ASKED
    source, d = samples.source, samples.dim
    n = source.count
    if source.stationary and options.shrinkage == "none" and n is not None and n < d:
        return "fourier", f"windows of sound are stationary, and {n} samples are few for {d} numbers"
    if _dual_fits(samples, options):
        return "pca", f"exact, by the inner products of {n} samples, fewer than half of the {d} dimensions"
    if 8 * d * d <= options.memory:
        return "pca", f"exact, and the matrix of {d} dimensions takes {size(8 * d * d)}"
    if not source.repeatable:
        return "fourier", f"{d} dimensions are too many for a matrix and the stream can be read only once"
    return "lanczos", f"{d} dimensions are too many for a matrix; assumes nothing (fourier: stationary data)"


def _with_covariance(samples: Samples, options: MethodOptions) -> tuple[str, str]:
    """The one method that has the matrix.

    Raises
    ------
    InputError
        Another method, a rule without directions, or more dimensions than the matrix fits.
    """
    refuse_population(options.shrinkage)
    if options.method not in ("auto", "pca"):
        raise InputError(f"--covariance keeps the matrix of --method pca, not of {options.method}; leave one out")
    need = 3 * 8 * samples.dim**2
    if need > 8 * options.memory:
        raise InputError(f"--covariance of {samples.dim} numbers needs {size(need)}; raise --memory, or give smaller samples")
    return "pca", ASKED if options.method == "pca" else "exact, and the covariance is kept"


def size(count: float) -> str:
    """Bytes for people."""
    power = min(3, max(0, int(np.log10(max(count, 1)) // 3)))
    return f"{count / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB')[power]}"


def as_source(data: Any, options: ReadOptions | None = None, reader: str | None = None) -> Source:
    """Source of a path, an array (also memory-mapped, HDF5, zarr, dask), or blocks of samples.

    Raises
    ------
    InputError
        Something else, or what the reader refuses.
    """
    options = options or ReadOptions()
    source: Source
    if isinstance(data, Source):
        return data
    if isinstance(data, (str, Path)):
        source = open_source(data, options, reader)
        refuse_matrix(source)
        return source
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        source = ArraySource(data, log=options.log)
        refuse_matrix(source)
    elif callable(data) or isinstance(data, Iterable):
        source = StreamSource(data, log=options.log)
    else:
        raise InputError(
            f"samples must be a path, an array or an iterable of blocks, got {type(data).__name__}"
        )
    source.choose_channels(options.channels)
    return source


def estimate(
    data: Any,
    method: str = "auto",
    *,
    shrinkage: str = "none",
    scaling: Scaling | None = None,
    seed: int = 0,
    block: int = 0,
    read: ReadOptions | None = None,
    options: MethodOptions | None = None,
    engine: Engine | None = None,
) -> Estimate:
    """Estimate the covariance spectrum of samples.

    Parameters
    ----------
    data : path, array, iterable of blocks, or function that returns one
        Samples along the first axis.
    method : str
        `auto`, `pca`, `fourier` or `lanczos`; `options` wins over it.
    shrinkage : str
        `none`, `ledoit_wolf`, `oas`, `analytical` or `population`.
    scaling : Scaling, optional
        To model units; the default maps integer pixels and sound to [-1, 1] and leaves floats.
    seed, block : int
        Of the random vectors of `lanczos`; rows per block (0: by dimension).
    read, options, engine : optional
        Reader and method options in full; where the sweeps run (this process by default).

    Raises
    ------
    InputError
        Data or options that are not allowed.
    """
    source = as_source(data, read)
    if options is None:
        options = MethodOptions(method, shrinkage, lanczos=LanczosOptions(seed=seed))
    samples = Samples(source, scaling or Scaling.default(source.dtype, source.full_range), block)
    return estimate_samples(samples, options, engine or Local())


def estimate_samples(samples: Samples, options: MethodOptions, engine: Engine) -> Estimate:
    """Do what :func:`estimate` does, with everything already made."""
    if samples.source.asks_range is not None and samples.scaling.origin == "none":
        raise InputError(f"{samples.source.label}: {samples.source.asks_range}")
    if 16 * samples.dim > options.memory:
        raise InputError(
            f"{samples.source.label}: samples of {samples.dim} numbers take {size(16 * samples.dim)} each in the sums; "
            "raise --memory"
        )
    method, why = choose(samples, options)
    with np.errstate(over="ignore", invalid="ignore"):
        # Numbers beyond 1e150 overflow in the squares; the trace shows it and is checked.
        raw = METHODS[method](samples, engine, options)
    _refuse_most_bad(samples, raw.samples)
    if method == "fourier" and options.shrinkage != "none":
        raise InputError(
            "--shrinkage does not apply to fourier, which averages instead; use --radial for less noise"
        )
    corrected = shrink(raw, samples.dim, options.shrinkage)
    spectrum = Spectrum.create(corrected.eig, corrected.weight, corrected.mean, source=samples.source.label)
    matrix = corrected_covariance(raw, corrected) if options.covariance else None
    return Estimate(spectrum, raw, samples, options, method, why, matrix)


def _refuse_most_bad(samples: Samples, used: int) -> None:
    """Skipping is for a few: where most are bad, the first sample was the odd one."""
    bad = samples.source.log.bad
    if len(bad) > used:
        raise InputError(
            f"{samples.source.label}: {len(bad)} of {len(bad) + used} samples are bad, more than --skip-bad may leave out; "
            f"the first: {next(iter(bad.values()))}"
        )


__all__ = [
    "METHODS",
    "Estimate",
    "MethodOptions",
    "as_source",
    "choose",
    "estimate",
    "estimate_samples",
]
