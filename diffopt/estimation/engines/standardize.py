"""The map to pooled mean 0 and a given standard deviation, from a pass of its own."""

from __future__ import annotations

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.methods.pca import need_two
from diffopt.estimation.methods.raw_spectrum import pooled
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.scaling import Scaling
from diffopt.estimation.sources.source import Source
from diffopt.estimation.sums.moments import Energy


def standardizing(source: Source, target: float, engine: Engine, block: int = 0) -> Scaling:
    """Scaling under which the pooled mean is 0 and the pooled standard deviation is `target`.

    Raises
    ------
    InputError
        A stream that can be read only once, samples that are all the same, or a target that is not positive.
    """
    if not source.repeatable:
        raise InputError(f"{source.label}: --standardize needs data that can be read twice")
    samples = Samples(source, Scaling(), block)
    sums = engine.sweep(samples, Energy(samples.pilot()), "mean and scale")
    n = need_two(float(sums.count), samples)
    shift = sums.linear / n
    trace = (float(sums.squares) - n * float(shift @ shift)) / (n - 1)
    mean, std = pooled(np.ravel(sums.pilot) + shift, trace, n)
    if not 0 < std < np.inf:
        raise InputError(f"{source.label}: the samples do not vary (or overflow), nothing to standardize")
    return Scaling.standardized(mean, std, target)
