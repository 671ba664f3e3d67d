"""References beside a run with EDM's churn, by names that say with which churn they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffopt.documents.options import CHURN
from diffopt.schedules import HABIT, NO_CHURN


def reference(name: str, data: Mapping[str, Any]) -> str:
    """`karras, no churn`, `karras, same churn` or `karras, S_churn 1` beside a run with churn; others as they are."""
    if name == NO_CHURN:
        return f"{HABIT}, no churn"
    churn = (data.get("solver_options") or {}).get("s_churn")
    if churn is None:
        return name
    search = data.get("optimizer") or {}
    began = (search.get("family_start") or {}).get("s_churn", churn)
    if began == 0:
        return f"{name}, no churn"
    moved = set(CHURN) & set(search.get("free") or ()) or "family" in (search.get("free") or ())
    return f"{name}, S_churn {began:g}" if moved else f"{name}, same churn"
