"""Covariances that are given as samples by mistake."""

from __future__ import annotations

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.sources.source import Source

#: Sides of the corner that is looked at first, and of the largest matrix that is looked at as a whole.
CORNER, LARGEST = 64, 8192


def refuse_matrix(source: Source) -> None:
    """Refuse a square symmetric array: it holds covariances or correlations, not samples.

    Raises
    ------
    InputError
        As many samples as numbers in each, and x[i, j] = x[j, i] throughout.
    """
    if len(source.shape) != 1 or not source.repeatable or source.shape[0] > LARGEST or source.shape[0] < 2:
        return
    side = source.shape[0]
    if source.count is not None and source.count != side:
        return
    if not _symmetric(_first(source, min(side, CORNER))[:, :CORNER]):
        return
    whole = _first(source, side + 1)
    if len(whole) == side and _symmetric(whole):
        raise InputError(
            f"{source.label}: {side} x {side} and symmetric: a covariance, not samples; give it to diffopt optimize or "
            "spectrum show as it is (if these are samples, reorder them)"
        )


def _first(source: Source, count: int) -> np.ndarray:
    parts = [block for _, block in source.rows(0, count, count)]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, 0))


def _symmetric(array: np.ndarray) -> bool:
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not np.isfinite(array).all():
        return False
    return bool(np.max(np.abs(array - array.T), initial=0.0) <= 1e-6 * np.max(np.abs(array), initial=0.0))
