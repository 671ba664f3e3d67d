"""Masks in the data: positions that are bad in every sample, and positions that never vary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError
from diffopt.estimation.sources.source import Source
from diffopt.foundation.arrays import Array

#: Numbers that are looked at together.
AT_ONCE = 1 << 21


def all_bad(source: Source) -> str | None:
    """Why no sample can be used, with the mask that all share; None where one is good or the data cannot be read again."""
    if not source.repeatable:
        return None
    dim, count = int(np.prod(source.shape)), 0
    shared, kind = np.ones(dim, dtype=bool), np.ones(dim, dtype=bool)
    try:
        for _, raw in source.rows(0, None, max(1, AT_ONCE // dim)):
            flat = np.asarray(raw).reshape(len(raw), dim)
            bad = ~np.isfinite(flat) | source.log.missing.entries(flat)
            if not bad.any(axis=1).all():
                return None
            count += len(raw)
            shared &= bad.all(axis=0)
            kind &= np.isnan(flat).all(axis=0)
    except InputError:
        return None
    return f"{source.label}: all {count} samples are bad: {_shared(shared, kind)}" if count else None


def _shared(shared: NDArray[np.bool_], nan: NDArray[np.bool_]) -> str:
    what = "NaN" if nan[shared].all() else "NaN, infinite or missing"
    if not shared.any():
        return "each has NaN, infinite or missing values, at no position that all share; mend the data"
    if shared.all():
        return f"every number is {what}"
    count = int(shared.sum())
    subject = f"{count} of {shared.size} positions are" if count > 1 else f"1 of {shared.size} positions is"
    return f"{subject} {what} in every sample, a mask; keep the others, `x[:, ~mask]`"


@dataclass
class Fixed:
    """Positions at which all samples seen so far are equal.

    Attributes
    ----------
    places : ndarray of int or None
        Their numbers; None before the first sample.
    values : ndarray
        What stands there.
    """

    places: NDArray[np.intp] | None = None
    values: Array | None = None

    def see(self, block: Array) -> None:
        """Drop the positions that vary in a block of samples; data without such positions cost two rows."""
        if not len(block) or (self.places is not None and not self.places.size):
            return
        flat = block.reshape(len(block), -1)
        if self.places is None or self.values is None:
            self.places, self.values = np.arange(flat.shape[1]), flat[0].copy()
        for rows in (flat[:2], flat[2:16], flat[16:]):
            if len(rows) and self.places.size:
                same = (rows[:, self.places] == self.values).all(axis=0)
                self.places, self.values = self.places[same], self.values[same]

    @property
    def count(self) -> int:
        """How many positions never varied."""
        return 0 if self.places is None else self.places.size
