"""References beside a run with EDM's churn, by names that say with which churn they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Karras as EDM runs it by default, in documents.
STILL = "karras_no_churn"
#: Numbers of the churn, by our names.
NUMBERS = ("s_churn", "s_tmin", "s_tmax", "s_noise")


def reference(name: str, data: Mapping[str, Any]) -> str:
    """`karras, no churn`, `karras, same churn` or `karras, S_churn 1` beside a run with churn; others as they are."""
    if name == STILL:
        return "karras, no churn"
    churn = (data.get("solver_options") or {}).get("s_churn")
    if churn is None:
        return name
    search = data.get("optimizer") or {}
    began = (search.get("family_start") or {}).get("s_churn", churn)
    if began == 0:
        return f"{name}, no churn"
    moved = set(NUMBERS) & set(search.get("free") or ()) or "family" in (search.get("free") or ())
    return f"{name}, S_churn {began:g}" if moved else f"{name}, same churn"
