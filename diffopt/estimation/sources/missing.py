"""Numbers that stand for no value: those that the caller names, and those that look like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError

#: Numbers that programs write for a missing value; the large ones also as float32 has them.
USUAL = frozenset(
    float(sign * v)
    for base in (
        999.0, 9999.0, 99999.0, 999999.0, 999.25, 9999.9, 32767.0, 32768.0, 2147483647.0, 2147483648.0, 1e15, 1e20, 1e30, 1e34,
        1e36, 9.969209968386869e36, 3.4028234663852886e38, 1.7976931348623157e308,
    )
    for sign in (-1, 1) for v in (base, float(np.float32(min(base, 3.4028234663852886e38))))
)  # fmt: skip
#: Other numbers from here on are taken for such marks too, this many times farther outside than the others span.
HUGE, FAR = 1e30, 1e6


@dataclass(frozen=True)
class Missing:
    """What counts as a missing value besides NaN.

    Attributes
    ----------
    values : tuple of float
        A sample that holds one of them is bad.
    suspect : bool
        Whether a usual mark of missing values far outside of all other numbers is an error.
    """

    values: tuple[float, ...] = ()
    suspect: bool = True

    @classmethod
    def parse(cls, text: str | None) -> Missing:
        """Of `none` or numbers between commas; None for neither.

        Raises
        ------
        InputError
            Something else.
        """
        if text is None:
            return cls()
        if text.strip().lower() == "none":
            return cls(suspect=False)
        try:
            return cls(tuple(float(part) for part in text.split(",")), False)
        except ValueError:
            raise InputError(f"--missing {text[:40]!r}: expected none, or numbers such as -9999,1e20") from None

    def entries(self, flat: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of the stored numbers are one of the values."""
        found = np.zeros(flat.shape, dtype=bool)
        for value in self.values:
            # The stored type may have rounded the value: compare in that type.
            with np.errstate(all="ignore"):
                found |= flat == np.array(value).astype(flat.dtype)
        return found

    def rows(self, flat: NDArray[Any]) -> NDArray[np.bool_]:
        """Which rows of stored numbers, shape (rows, d), hold one of the values."""
        return np.asarray(self.entries(flat).any(axis=1)) if self.values else np.zeros(len(flat), dtype=bool)

    def check(self, flat: NDArray[Any], label: str) -> None:
        """Refuse a usual mark of missing values that lies farther outside than all other numbers span.

        Raises
        ------
        InputError
            Naming the number and the range of the others.
        """
        if not self.suspect or flat.dtype.kind not in "fi" or not flat.size:
            return
        for mark in (float(flat.min()), float(flat.max())):
            if mark not in USUAL and not HUGE <= abs(mark) < np.inf:
                continue
            others = flat[flat != mark].astype(np.float64)
            factor = 1.0 if mark in USUAL else FAR
            if others.size and _outside(mark, float(others.min()), float(others.max()), factor):
                shown = str(flat.dtype.type(mark))  # the shortest text that gives this number in this type
                raise InputError(
                    f"{label}: {shown} among numbers from {others.min():.4g} to {others.max():.4g} looks like a missing value; "
                    f"say --missing {shown} (and --skip-bad to leave such samples out), or --missing none if it is a number"
                )


def _outside(mark: float, low: float, high: float, factor: float) -> bool:
    return max(low / factor - mark / factor, mark / factor - high / factor) > max(high - low, 0.0)
