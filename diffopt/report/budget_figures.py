"""Picture of an error budget over the number of samples or of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffopt.report.style import (
    BLUE,
    GREEN,
    INK,
    MARKERS,
    ORANGE,
    PALE,
    PURPLE,
    RED,
    figure,
    legend_above,
    log_axis,
    styled,
    tick_text,
    titled,
)

#: Colour of each source.
COLOURS = {"noise_floor": BLUE, "discretization": RED, "initialization": ORANGE, "generalization": GREEN, "optimization": PURPLE}
#: Hatches of the areas: two of the colours are one to some eyes.
HATCHES = {"noise_floor": "..", "initialization": "///", "generalization": "\\\\", "optimization": "xx"}
#: Largest total beside the one here that areas show, and the least term drawn beside the least total.
WORST, DEPTH = 8, 1e-3
LABELS = {"samples": "training samples n", "steps": "solver steps N"}


@styled
def budget_picture(
    over: str, values: Sequence[float], rows: Sequence[Mapping[str, Any]], here: float | None, *titles: str
) -> Any:
    """Terms over a number, the total as a line; `rows` hold the terms, `total` and `valid` at each value.

    Areas above each other; where the largest total is far above the one here, lines on a logarithmic axis that holds
    them all. `titles` are what is drawn, the data and further lines.
    """
    canvas, (axis,) = figure(8, [4.9])
    x = np.asarray(values, dtype=float)
    parts = {name: np.array([_number(row[name]) for row in rows]) for name in COLOURS}
    parts = {name: part for name, part in parts.items() if np.any(part > 0)}
    total = np.array([np.nan if row["total"] is None else row["total"] for row in rows], dtype=float)
    at = None if here is None else next((t for v, t in zip(x, total, strict=True) if v == here and np.isfinite(t)), None)
    highest = np.nanmax([sum(parts.values(), np.zeros_like(x)), total])
    wide = bool(at and highest > WORST * at)
    if wide:
        low = DEPTH * float(np.nanmin(total))
        _lines(axis, x, parts, low)
        log_axis(axis, "y", low, 2 * highest)
    else:
        _areas(axis, x, parts)
        axis.set_ylim(0, 1.08 * highest if highest > 0 else 1.0)
    if np.isfinite(total).any():
        _total(axis, x, total, np.array([bool(row.get("valid", True)) for row in rows]))
    else:
        missing = [n.replace("_", " ") for n in COLOURS if all(row[n] is None for row in rows)]
        why = f": {', '.join(missing)}" if missing else ""
        axis.annotate(f"the total is infinite{why}", (0.98, 0.9), xycoords="axes fraction", ha="right", color=RED)
    log_axis(axis, "x", x.min(), x.max())
    if here is not None and x.min() <= here <= x.max():
        axis.axvline(here, color=INK, linewidth=1.0, linestyle=":")
        axis.annotate(f"here: {tick_text(here, 1, 1)}", (here, axis.get_ylim()[1]), xytext=(4, -4), textcoords="offset points",
                      va="top", fontsize=8.5)  # fmt: skip
    axis.grid(True, axis="y", color=PALE, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.set(xlabel=LABELS[over], ylabel=f"expected squared error{', logarithmic' * wide}\n(2-Wasserstein, data units squared)")
    if axis.get_legend_handles_labels()[0]:
        legend_above(axis, 3)
    titled(canvas, *titles)
    return canvas


Parts = Mapping[str, np.ndarray]


def _areas(axis: Any, x: np.ndarray, parts: Parts) -> None:
    """The terms above each other."""
    if parts:
        seen = 2e-3 * np.max(sum(parts.values()))
        areas = axis.stackplot(x, list(parts.values()), labels=[_label(n, part, seen) for n, part in parts.items()], alpha=0.75,
                       colors=[COLOURS[n] for n in parts], edgecolor="white", linewidth=0.6)  # fmt: skip
        for area, name in zip(areas, parts, strict=True):
            area.set_hatch(HATCHES.get(name))


def _lines(axis: Any, x: np.ndarray, parts: Parts, low: float) -> None:
    """A line a term: heights above each other would say nothing on a logarithmic axis."""
    for (name, part), marker in zip(parts.items(), MARKERS, strict=False):
        axis.plot(x, np.where(part > 0, part, np.nan), color=COLOURS[name], marker=marker, markersize=4, linewidth=1.2,
                  label=_label(name, part, low))  # fmt: skip


def _label(name: str, part: np.ndarray, seen: float) -> str:
    """Name of a term, and whether it is too small for the picture."""
    return name.replace("_", " ") + (" (too small to see)" if np.max(part) < seen else "")


def _total(axis: Any, x: np.ndarray, total: np.ndarray, reached: np.ndarray) -> None:
    if not reached.all():
        axis.plot(x, total, color=INK, linewidth=1.2, linestyle="--", label="total where the expansion is not valid")
    if np.any(reached):
        axis.plot(x, np.where(reached, total, np.nan), color=INK, linewidth=1.8, label="total (terms interact)")


def _number(value: float | None) -> float:
    return 0.0 if value is None else float(value)
