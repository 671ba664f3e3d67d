"""Masks in the data: positions that are bad in every sample, and positions that never vary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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

    def merge(self, other: Fixed) -> None:
        """Drop the positions that vary in other samples, or between those and these."""
        if other.places is None or other.values is None:
            return
        if self.places is None or self.values is None:
            self.places, self.values = other.places, other.values
            return
        both, mine, theirs = np.intersect1d(self.places, other.places, assume_unique=True, return_indices=True)
        same = self.values[mine] == other.values[theirs]
        self.places, self.values = both[same], self.values[mine][same]

    def state(self) -> dict[str, Any]:
        """Arrays of a checkpoint."""
        return {} if self.places is None else {"fixed_places": self.places, "fixed_values": self.values}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over the arrays of a checkpoint; one that has none says nothing of what it covers."""
        self.places = np.asarray(state["fixed_places"]) if "fixed_places" in state else np.arange(0)
        self.values = np.asarray(state["fixed_values"]) if "fixed_values" in state else np.zeros(0)

    @property
    def count(self) -> int:
        """How many positions never varied."""
        return 0 if self.places is None else self.places.size
