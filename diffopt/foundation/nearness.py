"""When numbers are as good as each other: two errors, whichever comes first; a sum and the whole number beside it."""

from __future__ import annotations

#: Relative rounding of a sum of multiplicities.
ROUNDING = 1e-12


def within(share: float, one: float, other: float) -> bool:
    """Whether the larger of two numbers >= 0 is at most `share` above the smaller."""
    return max(one, other) <= (1 + share) * min(one, other)


def whole(value: float) -> float:
    """Whole numbers as integers, to the rounding of a sum of multiplicities: counts are read by strict parsers."""
    return round(value) if abs(value - round(value)) <= ROUNDING * abs(value) else value
