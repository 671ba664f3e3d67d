"""Labels of samples from k-means on random projections."""

from __future__ import annotations

import warnings

import numpy as np
import scipy
from numpy.typing import NDArray

from diffopt.errors import InputError
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sums.rows import Projected
from diffopt.foundation.arrays import Array

#: Dimensions that k-means sees, and samples that it learns from.
PROJECTED, LEARNT = 16, 20_000


def cluster(samples: Samples, engine: Engine, clusters: int, seed: int) -> NDArray[np.str_]:
    """k-means label of each sample, on a random projection to 16 dimensions (one pass).

    Raises
    ------
    InputError
        More clusters than samples, or a stream that cannot be read twice.
    """
    if not samples.source.repeatable:
        raise InputError(f"{samples.source.label}: clusters need data that can be read twice")
    random = np.random.default_rng(seed)
    directions = random.standard_normal((samples.dim, min(PROJECTED, samples.dim)))
    points = engine.sweep(samples, Projected(directions), "clusters").stacked()
    if not 2 <= clusters <= len(points):
        raise InputError(f"--clusters must be from 2 to the number of samples {len(points)}, got {clusters}")
    chosen = random.choice(len(points), min(LEARNT, len(points)), replace=False)
    with warnings.catch_warnings():
        # A cluster that has become empty keeps its centre and gets no label.
        warnings.simplefilter("ignore")
        centers, _ = scipy.cluster.vq.kmeans2(points[chosen], clusters, minit="++", seed=random, missing="warn")
    numbers, lonely = joined(points, centers)
    if len(set(numbers.tolist())) < 2:
        raise InputError(f"--clusters {clusters}: all samples but single ones form one cluster; there are no clusters")
    if lonely:
        samples.source.log.remark(f"{lonely} clusters of a single sample were joined with their neighbours")
    return np.asarray(numbers.astype(str))


def joined(points: Array, centers: Array) -> tuple[NDArray[np.int64], int]:
    """Nearest centre of each point, and how many centres were left out because one point alone was theirs."""
    kept = np.arange(len(centers))
    while True:
        numbers = kept[scipy.cluster.vq.vq(points, centers[kept])[0]]
        counts = np.bincount(numbers, minlength=len(centers))
        single = np.flatnonzero(counts == 1)
        if not len(single):
            return np.asarray(numbers, np.int64), len(centers) - len(kept)
        # One at a time: the point may join another lonely one.
        kept = kept[kept != single[0]]
