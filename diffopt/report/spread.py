"""Errors beside the size of the data, and metrics that speak against the one that was minimized."""

from __future__ import annotations

import math

from diffopt.foundation.nearness import within
from diffopt.report.gain import number, share
from diffopt.report.plain_data import PlainData

#: A baseline that is so much below in both exact metrics is named.
CLEAR = 0.05
#: A lower Frechet distance that a reader of the table sees.
SEEN = 0.01
EXACT = ("frechet", "kl")


def relative(data: PlainData) -> str:
    """The Frechet distance as a share of the root of the trace; in the stored numbers too, where the file knows its scale."""
    error, spectrum = data["errors"].get("frechet"), data["spectrum"]
    if error is None or not spectrum["trace"] > 0:
        return ""
    spread = math.sqrt(spectrum["trace"])
    told = f"{share(100 * error / spread)} % of the data's spread ({share(spread)}, the root of the trace)"
    scale = spectrum.get("scale")
    if not scale:
        return told
    value = number(error / math.sqrt(spectrum["dim"]) / abs(scale))
    # A scale of 1 changes no unit.
    return f"{told}" if scale == 1 else f"{told}; {value} rms a value in the units of the samples (scale {share(scale)} undone)"


def size(data: PlainData) -> list[str]:
    """The same as a sentence."""
    told = relative(data)
    return [f"Its frechet, {number(data['errors']['frechet'])}, is {told}."] if told else []


def against(data: PlainData, brief: bool = False) -> list[str]:
    """Named grids that are lower in the exact metrics than one that was optimized for `robust`: which, in which, and why.

    `brief` leaves out why.
    """
    errors, name = data["errors"], data["objective"]["name"]
    if name != "robust" or errors.get("frechet") is None:
        return []
    exact = [metric for metric in EXACT if errors.get(metric) is not None]
    rows = {k: part for k, part in (data.get("baselines") or {}).items() if part.get("frechet") is not None}
    better = {k: part for k, part in rows.items() if all(_clearly(part.get(m), errors[m]) for m in exact)}
    # A lower number of the table is spoken of, though another one speaks against it.
    lower = better or {k: v for k, v in rows.items() if _clearly(v["frechet"], errors["frechet"], SEEN)}
    if not lower:
        return []
    label = min(lower, key=lambda key: lower[key]["frechet"])
    told = ", ".join(f"{m} {number(v)} against {number(errors[m])}" for m in exact if (v := lower[label].get(m)) is not None)
    others = f" (and {len(lower) - 1} more)" if len(lower) > 1 else ""
    where = "the exact metrics" if better and len(exact) > 1 else "frechet"
    head = f"In {where} {label}{others} is {'better' if better else 'lower'}: {told}"
    return [f"{head}."] if brief else [
        f"{head}. robust counts errors of steps that cannot cancel, the better "
        "guide where data are not Gaussian (docs/evidence.md); --objective frechet minimizes the other."
    ]


def _clearly(one: float | None, other: float, apart: float = CLEAR) -> bool:
    """Whether an error is below another by more than rows that are equal differ."""
    return one is not None and one < other and not within(apart, one, other)
