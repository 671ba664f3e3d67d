"""When two errors are as good as each other: the larger over the smaller, whichever comes first."""

from __future__ import annotations


def within(share: float, one: float, other: float) -> bool:
    """Whether the larger of two numbers >= 0 is at most `share` above the smaller."""
    return max(one, other) <= (1 + share) * min(one, other)
