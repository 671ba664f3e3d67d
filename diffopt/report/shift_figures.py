"""Picture of the shift of a flow model: the error over the shift, and where the optimum and shipped models stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffopt.report.style import BLUE, GREEN, GREY, INK, PALE, RED, figure, log_axis, plain, spread, styled, titled

#: Errors drawn, as a multiple of the least.
WORST = 8


def drawn(data: Mapping[str, Any]) -> str:
    """The error that is drawn: the one that was minimized, where every row has it."""
    return str(data["objective"]) if data["objective"] in data["rows"][0] else "frechet"


@styled
def shift_picture(data: Mapping[str, Any], shifts: Sequence[float], errors: Sequence[float]) -> Any:
    """Error over the shift as a line, every rule a mark with its name beside the panel.

    Parameters
    ----------
    data : mapping
        Document of a shift.
    shifts, errors : sequence of float
        The curve.
    """
    name = drawn(data)
    rows = [row for row in data["rows"] if row[name] is not None]
    canvas, (axis,) = figure(9, [4.4])
    axis.plot(shifts, errors, color=INK, linewidth=1.3, zorder=1)
    log_axis(axis, "x", float(min(shifts)), float(max(shifts)))
    values = [row[name] for row in rows]
    least = min([*values, *(e for e in errors if np.isfinite(e))])
    high = min(max(*values, least * 1.2), WORST * least) * 1.12
    heights = spread([np.log(min(v, high)) for v in values], 0.06 * np.log(1.3 * high / least))
    log_axis(axis, "y", min(least / 1.15, float(np.exp(min(heights))) / 1.02), high)
    for row, height in zip(rows, heights, strict=True):
        colour = RED if row["name"] == "optimum" else GREEN if row["name"] in ("leading_order", "closed_law") else BLUE
        at = (row["shift"], min(row[name], high))
        axis.plot(*at, "o" if row[name] <= high else "^", color=colour, markersize=6, zorder=3)
        thread = {"arrowstyle": "-", "color": GREY, "linewidth": 0.4, "relpos": (0.0, 0.5), "shrinkA": 0}
        axis.annotate(plain(f"{row['name']}: shift {row['shift']:.3g}, {row[name]:.3g}"), at,
                      xytext=(1.015, float(np.exp(height))), textcoords=axis.get_yaxis_transform(), fontsize=8, color=colour,
                      va="center", annotation_clip=False, arrowprops=thread)  # fmt: skip
    axis.grid(True, which="major", color=PALE, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.set(xlabel="shift (orange: the optimum, green: closed laws, blue: shipped)", ylabel=f"{name} error (data units)")
    titled(canvas, f"{data['solver']}, {data['steps']} steps, {data['tokens']} tokens", data["spectrum"]["source"],
           f"flow; optimum of {data['objective']}")  # fmt: skip
    return canvas
