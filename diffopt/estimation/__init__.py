"""From samples to a covariance spectrum.

Layers, each importing only those before it: `guard` and `scaling`; `source` (where samples come
from) and `readers` (one file per format); `samples` (scaled float64 blocks); `accumulator`, `moments`,
`rows`, `cross`, `products` (sums); `passes` and `engine_dask` (one sweep, here or on workers); the
methods `pca`, `fourier`, `lanczos`; `shrinkage`; `estimate`, which puts them together; and what runs
it many times, `bootstrap` and `partition`.
"""

from diffopt.estimation.estimate import estimate
from diffopt.estimation.result import Estimate

__all__ = ["Estimate", "estimate"]
