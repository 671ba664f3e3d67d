"""Types of the keywords of `diffopt.estimate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from numpy.typing import NDArray

from diffopt.api.likes import FileLike


class EstimateFlags(TypedDict, total=False):
    """Keywords beside samples, method and progress; None is as if it were left out."""

    range: str | None
    scale: float | None
    shift: float | None
    standardize: float | None
    shrinkage: str | None
    radial: bool | None
    mean: bool | None
    covariance: bool | None
    n_boot: int | None
    boot_steps: int | None
    boot_solver: str | None
    labels: FileLike | Sequence[object] | NDArray[Any] | None
    clusters: int | None
    patches: int | None
    bands: int | None
    key: str | None
    reader: str | None
    channels: str | None
    columns: str | None
    header: str | None
    missing: str | None
    mode: str | None
    window: int | None
    hop: int | None
    skip_bad: bool | None
    block: int | None
    memory: float | None
    max_member: float | None
    max_expanded: float | None
    engine: str | None
    scheduler: str | None
    workers: int | None
    seed: int | None
    checkpoint: FileLike | None
