"""Bootstrap bands: of the eigenvalues, and of the grid that is optimized from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.estimate import estimate_samples
from diffopt.estimation.result import Estimate
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.subsets import Repeated
from diffopt.foundation.arrays import Array

#: Probabilities of the band: a central 90 %.
LEVELS = (0.05, 0.95)
#: Optimizes a grid for a spectrum: descending noise ratios.
OptimizeGrid = Callable[[Spectrum], Array]
#: Exact error of a grid on a spectrum.
GridError = Callable[[Spectrum, Array], float]


@dataclass(frozen=True)
class Bands:
    """Replicates and what they say.

    Attributes
    ----------
    quantiles : ndarray, shape (q,)
        Ranks of the directions, in their middle: 1 / (2 dim) is the largest eigenvalue, up to 1.
    low, center, high : ndarray, shape (q,)
        Eigenvalue at each rank: 5 %, the estimate, 95 %.
    spectra : tuple of Spectrum
        The replicates.
    """

    quantiles: Array
    low: Array
    center: Array
    high: Array
    spectra: tuple[Spectrum, ...]

    def facts(self) -> dict[str, Any]:
        """Plain values for the output file."""
        names = ("quantiles", "low", "center", "high")
        return {"n_boot": len(self.spectra), "levels": list(LEVELS)} | {
            n: getattr(self, n).tolist() for n in names
        }


def replicates(whole: Estimate, engine: Engine, count: int, seed: int) -> Iterator[Spectrum]:
    """Spectra of samples drawn with replacement, each by the same method and correction.

    Raises
    ------
    InputError
        A stream that cannot be read again, or skipped samples.
    """
    samples = whole.samples
    if not samples.source.repeatable:
        raise InputError(f"{samples.source.label}: --n-boot needs data that can be read again")
    if samples.source.log.bad:
        raise InputError(
            f"{samples.source.label}: --n-boot needs data without bad samples; remove them first"
        )
    total = whole.raw.samples
    random = np.random.default_rng([seed, 1])
    for _ in range(count):
        times = random.multinomial(total, np.full(total, 1.0 / total)).astype(np.int64)
        drawn = Samples(Repeated(samples.source, times), samples.scaling, samples.block)
        yield estimate_samples(drawn, whole.options, engine).spectrum


def at_ranks(spectrum: Spectrum, quantiles: Array) -> Array:
    """Eigenvalue of the direction at each rank in [0, 1], largest first."""
    ends = np.cumsum(spectrum.weight) / spectrum.dim
    index = np.searchsorted(ends, quantiles, side="right")
    return spectrum.eig[np.minimum(index, len(spectrum.eig) - 1)]


def bands(whole: Estimate, engine: Engine, count: int, seed: int = 0) -> Bands:
    """Percentile bands of the eigenvalues at up to 200 ranks, dense at the large ones.

    Raises
    ------
    InputError
        Fewer than two replicates, or see :func:`replicates`.
    """
    if count < 2:
        raise InputError(f"--n-boot must be at least 2, got {count}")
    spectra = tuple(replicates(whole, engine, count, seed))
    dim = whole.spectrum.dim
    first = np.unique(np.floor(np.geomspace(1, max(dim, 1), 200)) - 1)
    ranks = (first + 0.5) / max(dim, 1)
    values = np.stack([at_ranks(s, ranks) for s in spectra])
    low, high = np.quantile(values, LEVELS, axis=0)
    return Bands(ranks, low, at_ranks(whole.spectrum, ranks), high, spectra)


def grid_bands(
    spectrum: Spectrum, bands: Bands, optimize: OptimizeGrid, error: GridError | None = None
) -> dict[str, Any]:
    """Show what the bands do to the optimized grid.

    Each replicate gets its own grid; the result has the band of every noise level, and, with `error`,
    how much worse those grids are on the estimate itself than the estimate's own grid.
    """
    own = np.asarray(optimize(spectrum), dtype=np.float64)
    grids = np.stack([np.asarray(optimize(s), dtype=np.float64) for s in bands.spectra])
    low, high = np.quantile(grids, LEVELS, axis=0)
    result: dict[str, Any] = {"sigmas": own.tolist(), "low": low.tolist(), "high": high.tolist()}
    if error is not None:
        errors = np.array([error(spectrum, grid) for grid in grids])
        # A replicate's grid can be a better local optimum of the estimate than the one found for it.
        best = min(error(spectrum, own), float(errors.min()))
        # A grid without any error is best where data have no spread; it loses nothing.
        losses = np.divide(errors, best, out=np.ones_like(errors), where=errors > best) - 1 if best > 0 else errors - best
        result |= {"error": best, "loss_median": float(np.median(losses))}
        result["loss_95"] = float(np.quantile(losses, 0.95))
    return result
