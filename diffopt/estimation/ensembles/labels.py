"""Labels of samples: from a file, or from k-means on random projections."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq

from diffopt.errors import InputError
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.source import Source
from diffopt.estimation.sums.rows import Projected
from diffopt.foundation.guard import reading

#: Dimensions that k-means sees, and samples that it learns from.
PROJECTED, LEARNT = 16, 20_000


def read_labels(path: Path, source: Source) -> NDArray[np.str_]:
    """Label of each sample as text, from `.npy` (1-D), text (one per line) or EDM's `dataset.json`.

    Raises
    ------
    InputError
        Unreadable, of the wrong length, or labels of other files.
    """
    with reading(str(path)):
        if path.suffix.lower() == ".npy":
            values = np.load(path, allow_pickle=False)
            labels = np.asarray(values.astype(str))
        elif path.suffix.lower() == ".json":
            labels = np.array(_edm(json.loads(path.read_text()), source, path))
        else:
            labels = np.array([line.strip() for line in path.read_text().splitlines() if line.strip()])
    if labels.ndim != 1 or labels.size == 0:
        raise InputError(f"{path}: labels must be a list, one per sample, got shape {labels.shape}")
    if source.count is not None and len(labels) != source.count:
        raise InputError(f"{path}: {len(labels)} labels for {source.count} samples; give one each")
    return np.asarray(labels, dtype=np.str_)


def _edm(document: object, source: Source, path: Path) -> list[str]:
    """Labels by file name, in the order of the samples."""
    pairs = document.get("labels") if isinstance(document, dict) else None
    if not isinstance(pairs, list):
        raise InputError(f"{path}: no list `labels`; expected EDM's dataset.json")
    by_name = {str(name): str(label) for name, label in pairs}
    names = getattr(source, "names", None)
    if names is None:
        return list(by_name.values())
    missing = [name for name in names if name not in by_name]
    if missing:
        raise InputError(f"{path}: no label for {missing[0]} and {len(missing) - 1} others")
    return [by_name[name] for name in names]


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
    centers, _ = kmeans2(points[chosen], clusters, minit="++", seed=random, missing="raise")
    return np.asarray(vq(points, centers)[0].astype(str))
