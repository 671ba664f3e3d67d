"""Ensembles: one spectrum per class, cluster, tile or frequency band of the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.estimate import estimate_samples
from diffopt.estimation.methods.fourier import shell_numbers
from diffopt.estimation.result import Estimate
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.subsets import Repeated, tiles

#: Most members of an ensemble.
MEMBERS = 4096


def by_labels(whole: Estimate, labels: NDArray[np.str_], engine: Engine) -> Ensemble:
    """One spectrum per label, with the frequency of the label.

    Raises
    ------
    InputError
        A stream that cannot be read again, or a label with fewer than two samples.
    """
    source = whole.samples.source
    if not source.repeatable:
        raise InputError(f"{source.label}: an ensemble needs data that can be read again")
    names, counts = np.unique(labels, return_counts=True)
    if len(names) > MEMBERS:
        raise InputError(f"{len(names)} different labels; at most {MEMBERS} are allowed")
    rare = names[counts < 2]
    if len(rare):
        raise InputError(f"label {rare[0]} has a single sample; a covariance needs at least 2")
    spectra = []
    for name in names:
        chosen = Samples(
            Repeated(source, (labels == name).astype(np.int64)), whole.samples.scaling, whole.samples.block
        )
        spectra.append(_named(estimate_samples(chosen, whole.options, engine), str(name)))
    return Ensemble.create(spectra, counts / counts.sum(), [str(n) for n in names])


def by_tiles(whole: Estimate, side: int, engine: Engine) -> Ensemble:
    """One spectrum per tile of the samples, all equally likely.

    Raises
    ------
    InputError
        A side that does not fit.
    """
    samples = whole.samples
    if not samples.source.repeatable:
        raise InputError(f"{samples.source.label}: an ensemble needs data that can be read again")
    if samples.source.doubt is not None:
        raise InputError(f"{samples.source.label}: --patches: {samples.source.doubt}; say it with --channels")
    parts = tiles(samples.source, side)
    spectra = [
        _named(estimate_samples(Samples(tile, samples.scaling, samples.block), whole.options, engine), name)
        for name, tile in parts.items()
    ]
    return Ensemble.create(spectra, labels=list(parts))


def _named(estimate: Estimate, name: str) -> Spectrum:
    s = estimate.spectrum
    return Spectrum.create(s.eig, s.weight, s.mean, source=f"{s.source}[{name}]")


def by_bands(whole: Estimate, bands: int) -> Ensemble:
    """One spectrum per band of wave numbers, bands equal on a logarithmic scale, likely as they are wide.

    The members are the band-passed data, each in its own directions; their weights add up to the dimension.

    Raises
    ------
    InputError
        Another method than fourier, radial averages, or more bands than wave numbers.
    """
    if whole.method != "fourier" or whole.options.radial:
        raise InputError("--bands needs --method fourier without --radial")
    raw, grid = whole.raw, _grid(whole.samples)
    shells = shell_numbers(grid)
    channels = len(raw.eig) // len(shells)
    shell = np.repeat(shells, channels)
    edges = np.geomspace(1, shells.max() + 1, bands + 1)
    number = np.clip(np.searchsorted(edges, np.maximum(shell, 1), side="right") - 1, 0, bands - 1)
    present = np.unique(number)
    if len(present) != bands or bands < 2:
        raise InputError(
            f"--bands must be from 2 to what {int(shells.max())} wave numbers can fill, got {bands}"
        )
    spectra, sizes, names = [], [], []
    for band in present:
        chosen = number == band
        mean = None if raw.mean is None else raw.mean[chosen]
        name = f"k {edges[band]:.3g} to {edges[band + 1]:.3g}"
        spectra.append(
            Spectrum.create(raw.eig[chosen], raw.weight[chosen], mean, f"{whole.spectrum.source}[{name}]")
        )
        sizes.append(float(raw.weight[chosen].sum()))
        names.append(name)
    return Ensemble.create(spectra, sizes, names)


def _grid(samples: Samples) -> tuple[int, ...]:
    axis = samples.source.channels
    return tuple(n for i, n in enumerate(samples.shape) if axis is None or i != axis)
