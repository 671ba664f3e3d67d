"""Spectrum of stationary data from the power spectrum: one pass, memory of a few samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.methods.pca import need_two
from diffopt.estimation.methods.raw_spectrum import RawSpectrum, above_rounding, check_varies, mean_matters, pooled
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sums.cross import Cross, planes
from diffopt.foundation.arrays import Array


def half_weights(grid: tuple[int, ...]) -> Array:
    """Multiplicity of each wave vector of the half grid: 2 for a pair k, -k, 1 for k = -k, shape half grid.

    The real transform keeps the last axis up to half; of each pair k, -k the columns 0 and n/2 hold
    both members, the columns between hold one of them.
    """
    last = grid[-1]
    column = np.full(last // 2 + 1, 2.0)
    column[0] = 1.0
    if last % 2 == 0:
        column[-1] = 1.0
    return np.broadcast_to(column, (*grid[:-1], last // 2 + 1)).copy()


def fourier(samples: Samples, engine: Engine, keep_mean: bool = True, radial: bool = False) -> RawSpectrum:
    """Eigenvalues of the block-circulant covariance: those of the channel cross spectrum at each k.

    S(k) = sum (y^ - e^)(y^ - e^)^* / (n - 1), unitary transforms; each of its eigenvalues counts twice
    for a pair k, -k (docs/spectra.md, eq. 4 to 6).

    Parameters
    ----------
    radial : bool
        Average S(k) over shells of equal |k| first: for isotropic data, far less noise.
    """
    axis = samples.source.channels
    if axis is not None and len(samples.shape) < 2:
        raise InputError(f"{samples.source.label}: shape {samples.shape} has no axis besides the channels")
    pilot = planes(samples.pilot()[None], axis)[0]
    sums = engine.sweep(samples, Cross(pilot, axis), "power spectrum")
    n = need_two(float(sums.count), samples)
    waves = sums.linear / n
    grid = pilot.shape[1:]
    second = hermitian(sums.second, waves, n)
    weights = half_weights(grid).ravel()
    trace = float((np.einsum("faa->f", second).real * weights).sum())
    center = pilot + np.fft.irfftn(waves, s=grid, axes=tuple(range(1, pilot.ndim)), norm="ortho")
    check_varies(trace, float(np.vdot(center, center)), samples.source.label)
    mean_waves = None
    if keep_mean and mean_matters(center, trace, n):
        axes = tuple(range(1, pilot.ndim))
        mean_waves = np.fft.rfftn(center, axes=axes, norm="ortho").reshape(len(pilot), -1).T
    notes: tuple[str, ...] = (_axes(samples.shape, axis),)
    if radial:
        second, mean_waves, weights = shells(second, mean_waves, weights, grid)
        notes = (*notes, f"averaged over {len(weights)} shells of equal wave number (isotropic data)",)
    engine.progress("eigenvalues of the cross spectra", 0, None)
    eig, projections = per_wave(second, mean_waves)
    repeated = np.repeat(weights, eig.shape[1])
    flat = None if projections is None else projections.ravel()
    power = float(np.vdot(center, center).real)
    return RawSpectrum(
        above_rounding(eig.ravel(), samples.dim), repeated, flat, n, trace, *pooled(center, trace, n), power, None, notes
    )


def _axes(shape: tuple[int, ...], axis: int | None) -> str:
    if axis is None:
        return f"no axis of samples {shape} holds channels; all are transformed (--channels says otherwise)"
    return f"axis {axis} of samples {shape} holds {shape[axis]} channels, the others are transformed (--channels)"


def hermitian(
    second: NDArray[np.complex128], waves: NDArray[np.complex128], n: int
) -> NDArray[np.complex128]:
    """Full unbiased cross-spectral matrices, shape (waves, channels, channels), from the lower half."""
    channels = second.shape[0]
    sums = second.reshape(channels, channels, -1)
    means = waves.reshape(channels, -1)
    result = np.empty((means.shape[1], channels, channels), dtype=np.complex128)
    for a in range(channels):
        for b in range(a + 1):
            value = (sums[a, b] - n * means[a] * means[b].conj()) / (n - 1)
            result[:, b, a] = value.conj()
            result[:, a, b] = value
    return result


def shells(
    second: NDArray[np.complex128],
    mean: NDArray[np.complex128] | None,
    weights: Array,
    grid: tuple[int, ...],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128] | None, Array]:
    """Weighted averages over shells |k| in [j - 1/2, j + 1/2) cycles per shortest side; k = 0 is its own."""
    label = shell_numbers(grid)
    count = np.asarray(np.bincount(label, weights), dtype=np.float64)
    used = count > 0
    shape = second.shape[1:]
    flat = second.reshape(len(weights), -1)
    averaged = np.stack(
        [
            np.bincount(label, weights * part.real) + 1j * np.bincount(label, weights * part.imag)
            for part in flat.T
        ],
        axis=1,
    )
    averaged = averaged[used] / count[used, None]
    if mean is not None:
        # Only the wave vector 0 can have a mean in stationary data; the others keep their noise.
        power = np.stack([np.bincount(label, weights * np.abs(m) ** 2) for m in mean.T], axis=1)
        mean = np.sqrt(power[used] / count[used, None]).astype(np.complex128)
    return np.asarray(averaged.reshape(-1, *shape)), mean, np.asarray(count[used], dtype=np.float64)


def shell_numbers(grid: tuple[int, ...]) -> NDArray[np.int64]:
    """Shell of each wave vector of the half grid, shape (waves,)."""
    side = min(grid)
    axes = [np.fft.fftfreq(n) * side for n in grid[:-1]] + [np.fft.rfftfreq(grid[-1]) * side]
    radius = np.sqrt(sum(np.square(a) for a in np.meshgrid(*axes, indexing="ij")))
    return np.asarray(np.rint(radius), dtype=np.int64).ravel()


def per_wave(
    second: NDArray[np.complex128], mean: NDArray[np.complex128] | None
) -> tuple[Array, Array | None]:
    """Eigenvalues of each small Hermitian matrix and |projections| of the mean, shape (waves, channels)."""
    if second.shape[1] == 1:
        projections = None if mean is None else np.abs(mean)
        return second[:, :, 0].real.copy(), projections
    if mean is None:
        return np.asarray(np.linalg.eigvalsh(second), np.float64), None
    eig, vectors = np.linalg.eigh(second)
    return eig, np.abs(np.einsum("fca,fc->fa", vectors.conj(), mean))
