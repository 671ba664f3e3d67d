"""The grids that stand beside one: their names, which are one grid, and their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffopt.documents.options import fields_of
from diffopt.objectives.metrics import decided
from diffopt.report.churn import reference
from diffopt.schedules import SCHEDULES

RivalGrids = Mapping[str, Sequence[float | None]]
#: Letters that names of equal grids take before the rest of them is counted.
ROOM = 26


def own_name(data: Mapping[str, Any]) -> str:
    """What the grid of a document is called beside others."""
    return "optimized" if "objective" in data else data.get("schedule") or "this grid"


def spelled_name(data: Mapping[str, Any]) -> str:
    """Name of the schedule with the options that are not its defaults."""
    name, options = data.get("schedule") or "this grid", data.get("schedule_options") or {}
    if name not in SCHEDULES:
        return name
    known = fields_of(SCHEDULES[name])
    said = [f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in options.items() if v != known.get(k, v)]
    return name + (":" + ",".join(said) if said else "")


def minimized(data: Mapping[str, Any]) -> str:
    """The error that was minimized, or the one that stands for it."""
    return str(data["objective"]["name"]) if "objective" in data else "robust"


def compared_error(data: Mapping[str, Any], objective: str | None = None) -> str:
    """The error that tells the grids apart where an objective, by default the one that was minimized, is asked for."""
    return decided(objective or minimized(data), [data.get("errors") or {}, *(data.get("baselines") or {}).values()])


def values(data: Mapping[str, Any], name: str) -> dict[str, float]:
    """Values of an error by name, smallest first; the grid's own is always there where it is finite."""
    told = data.get("objective") or {}
    own = told["value"] if told.get("name") == name else data["errors"].get(name)
    found = {n: part.get(name) for n, part in (data.get("baselines") or {}).items()} | {own_name(data): own}
    return dict(sorted(((n, v) for n, v in found.items() if v is not None and v > 0), key=lambda item: item[1]))


def labelled(rivals: RivalGrids, scores: Mapping[str, float], data: Mapping[str, Any]) -> dict[str, str]:
    """Name of every rival in the picture, the best first; grids that are equal, with equal values, share one."""
    return {n: joined([shown for _, shown in names]) for names in equal_names(rivals, scores, data) for n, _ in names}


def told_equal(rivals: RivalGrids, scores: Mapping[str, float], data: Mapping[str, Any]) -> list[str]:
    """The names in full of those that a label only counts."""
    groups = [[shown for _, shown in names] for names in equal_names(rivals, scores, data)]
    return [" = ".join(names) for names in groups if joined(names) != " = ".join(names)]


def joined(names: Sequence[str], width: int = ROOM) -> str:
    """Names of one grid: three of them, or those that `width` letters hold, and how many more there are."""
    most = next((k for k in (3, 2, 1) if len(" = ".join(names[:k])) <= width), 1)
    return " = ".join(names[:most]) + f" and {len(names) - most} more" * (len(names) > most)


def equal_names(rivals: RivalGrids, scores: Mapping[str, float], data: Mapping[str, Any]) -> list[list[tuple[str, str]]]:
    """Names with what they are called, by equal grid."""
    found: list[list[str]] = []
    for name in sorted({**rivals, **scores}, key=lambda n: scores.get(n, np.inf)):
        same = next((names for names in found if _same(name, names[0], rivals, scores)), None)
        if same is None:
            found.append([name])
        else:
            same.append(name)
    own = own_name(data)
    return [[(n, n if n == own else reference(n, data)) for n in names] for names in found]


def _same(one: str, other: str, rivals: RivalGrids, scores: Mapping[str, float]) -> bool:
    """Equal to rounding in levels and value: one line has room for both names."""
    if not {one, other} <= set(rivals) or not np.isclose(scores.get(one, 0.0), scores.get(other, 0.0), rtol=1e-7, atol=0):
        return False
    first, second = inner_levels(rivals[one]), inner_levels(rivals[other])
    return len(first) == len(second) and np.allclose(first, second, rtol=1e-9, atol=0)


def inner_levels(sigmas: Sequence[float | None]) -> np.ndarray:
    """Levels between pure noise and the data."""
    return np.array([s for s in sigmas if s is not None and s > 0], dtype=float)
