"""Stacked picture of an error budget over the number of samples or of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffopt.report.style import BLUE, GREEN, INK, ORANGE, PALE, PURPLE, RED, figure, log_axis, plain, styled

#: Colour of each source.
COLOURS = {"noise_floor": BLUE, "discretization": RED, "initialization": ORANGE, "generalization": GREEN, "optimization": PURPLE}
LABELS = {"samples": "training samples n", "steps": "solver steps N"}


@styled
def budget_picture(over: str, values: Sequence[float], rows: Sequence[Mapping[str, Any]], here: float | None, title: str) -> Any:
    """Areas of the terms over a number, the total as a line; `rows` hold the terms and `total` at each value."""
    canvas, (axis,) = figure(8, [4.6])
    x = np.asarray(values, dtype=float)
    parts = {name: np.array([_number(row[name]) for row in rows]) for name in COLOURS}
    parts = {name: part for name, part in parts.items() if np.any(part > 0)}
    if parts:
        axis.stackplot(x, list(parts.values()), labels=[n.replace("_", " ") for n in parts], alpha=0.75,
                       colors=[COLOURS[n] for n in parts])  # fmt: skip
    total = np.array([np.nan if row["total"] is None else row["total"] for row in rows], dtype=float)
    axis.plot(x, total, color=INK, linewidth=1.6, label="total (terms interact)")
    if here is not None and x.min() <= here <= x.max():
        axis.axvline(here, color=INK, linewidth=0.8, linestyle=":")
    log_axis(axis, "x", x.min(), x.max())
    top = np.nanmax([np.max(sum(parts.values())) if parts else 0.0, np.nanmax(total) if np.isfinite(total).any() else 0.0])
    axis.set_ylim(0, 1.05 * top if top > 0 else 1.0)
    axis.grid(True, axis="y", color=PALE, linewidth=0.6)
    axis.set(xlabel=LABELS[over], ylabel="expected squared 2-Wasserstein error (data units squared)")
    axis.legend(loc="upper right")
    canvas.suptitle(plain(title), fontsize=11, x=0.01, ha="left")
    return canvas


def _number(value: float | None) -> float:
    return 0.0 if value is None else float(value)
