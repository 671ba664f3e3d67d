"""Picture of an error budget over the number of samples or of steps: its terms, and their shares of the total."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffopt.report import palette
from diffopt.report.palette import INK, MARKERS, PALE, RIVAL
from diffopt.report.plain_data import PlainRows
from diffopt.report.style import digits, figure, legend_above, log_axis, styled, tick_text, titled
from diffopt.report.units import units

#: Colour of each source.
COLOURS = {
    "noise_floor": palette.END, "discretization": palette.STEPS, "initialization": palette.START,
    "generalization": palette.SAMPLES, "optimization": palette.TRAINING,
}  # fmt: skip
#: Hatches of the areas: two of the colours are one to some eyes.
HATCHES = {
    "noise_floor": "..", "initialization": "///", "generalization": "\\\\", "optimization": "xx", "discretization": "",
    "cancelled": "---", "added": "++",
}  # fmt: skip
#: Least term drawn beside the least total, and least share that is drawn.
DEPTH, SEEN = 1e-3, 5e-3
#: What the terms do together.
BETWEEN = {"cancelled": "interaction: the terms cancel", "added": "interaction: together they are more"}
SUMS = {
    "cancelled": "together they are less than their sum, what is above 100 % is taken off below 0",
    "added": "together they are more than their sum, which is the grey area on top",
}  # fmt: skip
#: Where they do the one at some values and the other at others.
BOTH = "crossed grey on top: together they are more than their sum\nlined grey below 0: together they are less, that is taken off"
LABELS = {"samples": "training samples n", "steps": "solver steps N"}
Parts = dict[str, np.ndarray]


@styled
def budget_picture(
    over: str, values: Sequence[float], rows: PlainRows, here: float | None, *titles: str, scale: float | None = None
) -> Any:
    """Terms and the total over a number, and below them their shares of the total, what they lack or add together included.

    `rows` hold the terms, `total` and `valid` at each value; `titles` are what is drawn, the data and further lines; `scale` is
    the factor from stored numbers to the units of the errors, where known.
    """
    x = np.asarray(values, dtype=float)
    parts = {name: np.array([_number(row[name]) for row in rows]) for name in COLOURS}
    parts = {name: part for name, part in parts.items() if np.any(part > 0)}
    total = np.array([np.nan if row["total"] is None else row["total"] for row in rows], dtype=float)
    whole = bool(np.all(total > 0)) and len(_areas(parts, total)) > 1
    canvas, axes = figure(8, [3.6, *[2.6] * whole])
    _terms(axes[0], x, parts, total, rows)
    unit = units(scale, squared=True)
    axes[0].set_ylabel(f"expected squared error\n({unit})")
    if whole:
        _shares(axes[1], x, parts, total)
    for axis in axes:
        _frame(axis, x, here, np.isnan(total) | np.array([bool(row.get("valid", True)) for row in rows]))
        if axis.get_legend_handles_labels()[0]:
            legend_above(axis, 3)
    if here is not None and x.min() <= here <= x.max():
        axes[0].annotate(f"here: {tick_text(here, 1, 1)}", (here, axes[0].get_ylim()[1]), xytext=(4, -4),
                         textcoords="offset points", va="top", fontsize=8.5)  # fmt: skip
    between = [SUMS[name] for name in _areas(parts, total) if name in SUMS] if whole else []
    told = f"\nthe terms interact: {BOTH if len(between) > 1 else between[0]}" if between else ""
    axes[-1].set_xlabel(LABELS[over] + told)
    titled(canvas, *titles)
    return canvas


def _terms(axis: Any, x: np.ndarray, parts: Parts, total: np.ndarray, rows: PlainRows) -> None:
    """A line a term and one for the total on a logarithmic axis; terms far below are named with their values."""
    finite = np.isfinite(total) & (total > 0)
    whole = total[finite] if finite.any() else sum(parts.values(), np.zeros_like(total))
    floor = DEPTH * float(np.min(whole))
    below = {name: float(part.max()) for name, part in parts.items() if part.max() < floor}
    drawn = []
    for name, marker in zip(COLOURS, MARKERS, strict=False):
        if name in parts and name not in below:
            shown = np.where(parts[name] > 0, parts[name], np.nan)
            axis.plot(x, shown, color=COLOURS[name], marker=marker, markersize=4, linewidth=1.2, label=_words(name))
            drawn += [shown]
    told = []
    if finite.any():
        drawn += [np.where(finite, total, np.nan)]
        axis.plot(x, drawn[-1], color=INK, linewidth=2, label="total", zorder=1)
    else:
        missing = [_words(name) for name in COLOURS if all(row[name] is None for row in rows)]
        told += [f"the total is infinite{': ' * bool(missing)}{', '.join(missing)}"]
    low, high = (float(f(drawn)) for f in (np.nanmin, np.nanmax)) if drawn else (0.5, 2.0)
    # Room above the lines for the words at the value in force.
    log_axis(axis, "y", max(low, floor) / 1.6, high * 1.3 * (high / max(low, floor)) ** 0.1)
    told += [f"below the axis: {_words(name)}, at most {digits(value)}" for name, value in below.items()]
    axis.set_title("\n".join(told), fontsize=8, color=RIVAL)


def _shares(axis: Any, x: np.ndarray, parts: Parts, total: np.ndarray) -> None:
    """Areas that add up to the total: terms above 0, and what all together have more or less (theory.md, eq. 190)."""
    up, down = np.zeros_like(total), np.zeros_like(total)
    for name, part in _areas(parts, total).items():
        share = 100 * part / total
        base = up if name != "cancelled" else down
        axis.fill_between(x, base, base + share, facecolor=COLOURS.get(name, RIVAL), edgecolor="white", linewidth=0.6, alpha=0.75,
                          hatch=HATCHES[name], label=BETWEEN.get(name, _words(name)))  # fmt: skip
        up, down = up + np.maximum(share, 0), down + np.minimum(share, 0)
    if down.min() < 0:
        axis.axhline(0, color=RIVAL, linewidth=0.8)
        axis.axhline(100, color=INK, linewidth=2)
    room = 0.04 * (up.max() - down.min())
    axis.set(ylim=(down.min() - room * bool(down.min() < 0), up.max() + room), ylabel="% of the total\n(areas add up to 100)")


def _areas(parts: Parts, total: np.ndarray) -> Parts:
    """Terms and what is between them and the total, below it and above; those that are large enough to see."""
    between = total - sum(parts.values(), np.zeros_like(total))
    every = {**parts, "cancelled": np.minimum(between, 0), "added": np.maximum(between, 0)}
    return {name: part for name, part in every.items() if np.max(np.abs(part / total)) >= SEEN}


def _frame(axis: Any, x: np.ndarray, here: float | None, valid: np.ndarray) -> None:
    """The number on a logarithmic axis, the value in force, and where the expansion is not to be trusted."""
    log_axis(axis, "x", x.min(), x.max())
    edges = np.concatenate([x[:1], np.sqrt(x[1:] * x[:-1]), x[-1:]])
    for k in np.flatnonzero(~valid):
        first = k == np.flatnonzero(~valid)[0]
        axis.axvspan(edges[k], edges[k + 1], color=PALE, alpha=0.45, linewidth=0, zorder=0,
                     label="the expansion is not valid" if first and axis.get_yscale() == "log" else None)  # fmt: skip
    if here is not None and x.min() <= here <= x.max():
        axis.axvline(here, color=INK, linewidth=1.0, linestyle=":")
    axis.set_axisbelow(True)
    axis.grid(True, axis="y", color=PALE, linewidth=0.6)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _number(value: float | None) -> float:
    return 0.0 if value is None else float(value)
