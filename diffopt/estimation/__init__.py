"""From samples to a covariance spectrum.

Layers, each importing only those before it: `guard` and `scaling`; `source` (where samples come
from) and `readers` (one file per format); `samples` (scaled float64 blocks); `accumulator`, `moments`,
`rows`, `cross`, `products` (sums); `passes` and `engine_dask` (one sweep, here or on workers); the
methods `pca`, `fourier`, `lanczos`; `shrinkage`, `bootstrap`, `partition`; and `estimate`, which puts them together.
"""

from diffopt.estimation.estimate import Estimate, estimate

__all__ = ["Estimate", "estimate"]
