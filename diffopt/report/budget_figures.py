"""Stacked picture of an error budget over the number of samples or of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffopt.report.style import BLUE, GREEN, INK, ORANGE, PALE, PURPLE, RED, figure, legend_above, log_axis, plain, styled

#: Colour of each source.
COLOURS = {"noise_floor": BLUE, "discretization": RED, "initialization": ORANGE, "generalization": GREEN, "optimization": PURPLE}
#: Errors drawn, as a multiple of the total here.
WORST = 8
LABELS = {"samples": "training samples n", "steps": "solver steps N"}


@styled
def budget_picture(over: str, values: Sequence[float], rows: Sequence[Mapping[str, Any]], here: float | None, title: str) -> Any:
    """Areas of the terms over a number, the total as a line; `rows` hold the terms, `total` and `valid` at each value."""
    canvas, (axis,) = figure(8, [4.6])
    x = np.asarray(values, dtype=float)
    parts = {name: np.array([_number(row[name]) for row in rows]) for name in COLOURS}
    parts = {name: part for name, part in parts.items() if np.any(part > 0)}
    if parts:
        axis.stackplot(x, list(parts.values()), labels=[n.replace("_", " ") for n in parts], alpha=0.75,
                       colors=[COLOURS[n] for n in parts], edgecolor="white", linewidth=0.6)  # fmt: skip
    total = np.array([np.nan if row["total"] is None else row["total"] for row in rows], dtype=float)
    known = bool(np.isfinite(total).any())
    if known:
        reached = np.array([bool(row.get("valid", True)) for row in rows])
        if not reached.all():
            axis.plot(x, total, color=INK, linewidth=1.2, linestyle="--", label="total where the expansion is not valid")
        if np.any(reached):
            axis.plot(x, np.where(reached, total, np.nan), color=INK, linewidth=1.8, label="total (terms interact)")
    log_axis(axis, "x", x.min(), x.max())
    top = np.nanmax([np.max(sum(parts.values())) if parts else 0.0, np.nanmax(total) if known else 0.0])
    at = None if here is None else next((t for v, t in zip(x, total, strict=True) if v == here and np.isfinite(t)), None)
    # Far below the number in question errors can be a million times larger: they leave the axis.
    top = 1.08 * (min(top, WORST * at) if at else top) if top > 0 else 1.0
    axis.set_ylim(0, top)
    if here is not None and x.min() <= here <= x.max():
        axis.axvline(here, color=INK, linewidth=1.0, linestyle=":")
        axis.annotate(f"here: {here:g}", (here, top), xytext=(4, -4), textcoords="offset points", va="top", fontsize=8.5)
    missing = [n.replace("_", " ") for n in COLOURS if all(row[n] is None for row in rows)]
    if not known:
        why = f": {', '.join(missing)}" if missing else ""
        axis.annotate(f"the total is infinite{why}", (0.98, 0.9), xycoords="axes fraction", ha="right", color=RED)
    axis.grid(True, axis="y", color=PALE, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.set(xlabel=LABELS[over], ylabel="expected squared error\n(2-Wasserstein, data units squared)")
    if axis.get_legend_handles_labels()[0]:
        legend_above(axis, 3)
    canvas.suptitle(plain(title), fontsize=11, x=0.01, ha="left")
    return canvas


def _number(value: float | None) -> float:
    return 0.0 if value is None else float(value)
