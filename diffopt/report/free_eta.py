"""What a search with a free eta found, and the eta of the schedules beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diffopt.report.gain import number
from diffopt.report.text import shown_eta


def _parted(data: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Names of the etas that were free, and of what else was."""
    free = (data.get("optimizer") or {}).get("free") or ()
    return [name for name in free if name.startswith("eta")], [name for name in free if not name.startswith("eta")]


def found(data: Mapping[str, Any]) -> str:
    """`The optimized grid has`, with the eta where that was free, and the schedule where it was kept."""
    etas, others = _parted(data)
    if not etas:
        return "The optimized grid has"
    numbers = told(shown_eta(data))
    own = f"eta {numbers}" if etas == ["eta"] else f"eta per step ({numbers})"
    return f"The optimized grid and {own} have" if others else f"The optimized {own} on {data['optimizer']['schedule']} has"


def beside(data: Mapping[str, Any]) -> str:
    """The eta of the schedules beside the optimum, which have none that is free, and who says what the grid gains alone."""
    eta, (_, others) = (data.get("optimizer") or {}).get("baseline_eta"), _parted(data)
    if not eta or not data.get("baselines"):
        return ""
    alone = f"; --free {','.join(others)} says what is gained without a free eta" if others else ""
    return f" Every schedule beside it runs at eta {told(eta)}{alone}."


def told(etas: Sequence[float]) -> str:
    """One number, or the ends of a range."""
    low, high = number(min(etas)), number(max(etas))
    return high if low == high else f"{low} to {high}"
