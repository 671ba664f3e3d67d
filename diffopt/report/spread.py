"""Errors beside the size of the data, and metrics that speak against the one that was minimized."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from diffopt.foundation.nearness import within

Document = Mapping[str, Any]
#: A baseline that is so much below in both exact metrics is named.
CLEAR = 0.05


def relative(data: Document) -> str:
    """The Frechet distance as a share of the root of the trace; in the stored numbers too, where the file knows its scale."""
    error, spectrum = data["errors"].get("frechet"), data["spectrum"]
    if error is None or not spectrum["trace"] > 0:
        return ""
    spread = math.sqrt(spectrum["trace"])
    told = f"{_short(100 * error / spread)} % of the data's spread ({_short(spread)}, the root of the trace)"
    scale = spectrum.get("scale")
    if not scale:
        return told
    value = _short(error / math.sqrt(spectrum["dim"]) / abs(scale))
    # A scale of 1 changes no unit.
    return f"{told}" if scale == 1 else f"{told}; {value} rms a value in the units of the samples (scale {_short(scale)} undone)"


def size(data: Document) -> list[str]:
    """The same as a sentence."""
    told = relative(data)
    return [f"Its frechet, {_short(data['errors']['frechet'])}, is {told}."] if told else []


def against(data: Document) -> list[str]:
    """Named grids that are clearly better in both exact metrics than one that was optimized for `robust`: which, and why."""
    errors, name = data["errors"], data["objective"]["name"]
    if name != "robust" or None in (errors.get("frechet"), errors.get("kl")):
        return []
    better = {
        label: part for label, part in (data.get("baselines") or {}).items()
        if all(_clearly(part.get(m), errors[m]) for m in ("frechet", "kl"))
    }  # fmt: skip
    if not better:
        return []
    label = min(better, key=lambda key: better[key]["frechet"])
    told = ", ".join(f"{m} {_short(better[label][m])} against {_short(errors[m])}" for m in ("frechet", "kl"))
    others = f" (and {len(better) - 1} more)" if len(better) > 1 else ""
    return [
        f"In the exact metrics {label}{others} is better: {told}. robust counts errors of steps that cannot cancel, the better "
        "guide where data are not Gaussian (docs/evidence.md); --objective frechet minimizes the other."
    ]


def _clearly(one: float | None, other: float) -> bool:
    """Whether an error is below another by more than rows that are equal differ."""
    return one is not None and one < other and not within(CLEAR, one, other)


def _short(value: float) -> str:
    return f"{value:.3g}"
