"""Picture of the shift of a flow model: the error over the shift, and where the optimum and shipped models stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffopt.report.gain import number
from diffopt.report.palette import DATA, INK, OWN, PALE, PUBLISHED
from diffopt.report.rankings import height
from diffopt.report.shift_answers import LAWS, drawn, taken
from diffopt.report.style import figure, log_axis, plain, styled, titled
from diffopt.report.units import BESIDE, error_words, scale_in

#: What the colours say.
KEY = "orange: optimum and advice, green: laws of this spectrum, purple: shipped by models"
#: Ticks of a shift where the axis is short: shipped shifts lie between 1 and 5 more often than beyond.
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100)
#: Errors drawn, as a multiple of the least.
WORST = 8


@styled
def shift_picture(data: Mapping[str, Any], shifts: Sequence[float], errors: Sequence[float]) -> Any:
    """Error over the shift as a line with every rule a mark on it, and below on the same axis a row a rule with its numbers.

    Parameters
    ----------
    data : mapping
        Document of a shift.
    shifts, errors : sequence of float
        The curve.
    """
    name = drawn(data)
    rows = sorted((row for row in data["rows"] if row[name] is not None), key=lambda row: row[name])
    canvas, (above, below) = figure(9, [3.4, height(len(rows))])
    above.plot(shifts, errors, color=INK, linewidth=1.3, zorder=1)
    values, advised = [row[name] for row in rows], taken(data)
    least = min([*values, *(e for e in errors if np.isfinite(e))])
    high = min(max(*values, least * 1.2), WORST * least) * 1.12
    log_axis(above, "y", least / 1.05, high)
    for axis in (above, below):
        log_axis(axis, "x", float(min(shifts)), float(max(shifts)))
        if max(shifts) < 50 * min(shifts):
            axis.set_xticks([t for t in TICKS if min(shifts) <= t <= max(shifts)])
        axis.set_axisbelow(True)
    above.grid(True, which="major", color=PALE, linewidth=0.6)
    below.grid(True, which="major", axis="x", color=PALE, linewidth=0.6)
    for axis in (above, below):
        _advised(axis, advised, axis is above)
    middle = float(np.sqrt(min(shifts) * max(shifts)))
    for i, row in enumerate(rows):
        look = {"color": _colour(row), "markersize": 6, "zorder": 3}
        above.plot(row["shift"], min(row[name], high), "o" if row[name] <= high else "^", clip_on=False, **look)
        below.axhline(i, color=PALE, linewidth=0.7, linestyle=":", zorder=0)
        below.plot(row["shift"], i, "o", **look)
        right = row["shift"] < middle
        below.annotate(f"{row['shift']:.3g}, error {number(row[name])}", (row["shift"], i), xytext=(8 if right else -8, 0),
                       textcoords="offset points", ha="left" if right else "right", va="center", fontsize=8,
                       color=_colour(row), bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # fmt: skip
    below.set_yticks(range(len(rows)), [_label(row, advised["name"]) for row in rows])
    for label, row in zip(below.get_yticklabels(), rows, strict=True):
        label.set_color(OWN if row["name"] == advised["name"] else _colour(row))
    below.set(ylim=(len(rows) - 0.4, -0.6), xlabel=f"shift ({KEY})")
    above.set_ylabel(error_words(name, scale_in(data), logarithmic=False, letters=BESIDE))
    beyond = sum(row[name] > high for row in rows)
    if beyond:
        above.set_title(f"triangles: {beyond} beyond the axis", fontsize=8, loc="right")
    titled(canvas, f"{data['solver']}, {data['steps']} steps, {data['tokens']} tokens", data["spectrum"]["source"],
           f"flow; the optimum has the least {data['objective']}")  # fmt: skip
    return canvas


def _colour(row: Mapping[str, Any]) -> str:
    return OWN if row["name"] == "optimum" else DATA if row["name"] in LAWS else PUBLISHED


def _label(row: Mapping[str, Any], advised: str) -> str:
    return plain(f"set: {row['name']}" if row["name"] == advised else str(row["name"]))


def _advised(axis: Any, row: Mapping[str, Any], told: bool) -> None:
    """A line at the shift to set, with its number."""
    axis.axvline(row["shift"], color=OWN, linewidth=1.0, linestyle="--", zorder=0)
    if told:
        axis.annotate(f"set shift {row['shift']:.4g}", (row["shift"], 1), xycoords=("data", "axes fraction"), xytext=(4, -3),
                      textcoords="offset points", va="top", fontsize=9, color=OWN)  # fmt: skip
