"""Whether a gain in the exact error of a setting is more than what stands without errors of steps that cancel each other."""

from __future__ import annotations

from diffopt.report.plain_data import PlainData

#: Ratios of errors above this one are named.
CANCELS = 1.1


def flattered(row: PlainData, now: PlainData | None) -> bool:
    """Whether the exact error gains more on the present setting than the steps' errors added up in absolute value do."""
    own, other = row.get("absolute"), (now or {}).get("absolute")
    if now is None or not own or not other or not 0 < CANCELS * row["exact"] < own:
        return False
    return bool(now["exact"] / row["exact"] > CANCELS * other / own)


def cancels(row: PlainData) -> bool:
    """Whether errors of steps cancel: to leading order with signs, `signed`, they are below their absolute values.

    Else the exact error is the smaller one by what the leading order leaves out.
    """
    return bool(CANCELS * row["signed"] < row["absolute"])
