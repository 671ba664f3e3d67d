"""Pictures of convergence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from diffopt.report.orders_answers import those
from diffopt.report.palette import INK, LINES, MARKERS, PALE, RIVAL
from diffopt.report.style import figure, log_axis, plain, spread, styled, titled
from diffopt.report.units import units
from diffopt.solvers import SOLVERS
from diffopt.studies.orders import Convergence

#: Place in the panel from which on the end of a line is near its name.
NEAR = 0.93
#: What marks and dots say of the sign of a weak error.
SIGNS = "filled: too large a second moment, hollow: too small; dotted: the error passes 0 between two marks"


@dataclass(frozen=True, eq=False)
class _Curve:
    """One solver in one panel: where it is measured, on which side of 0, and its look."""

    name: str
    calls: np.ndarray
    errors: np.ndarray
    signs: np.ndarray
    place: int

    @property
    def look(self) -> dict[str, Any]:
        """Colours begin again after the last, with other dashes."""
        turn, place = divmod(self.place, len(LINES))
        return {"color": LINES[place], "linestyle": ("-", "--", ":", "-.")[turn % 4]}

    @property
    def marker(self) -> str:
        """The mark of its points."""
        return MARKERS[(self.place + self.place // 8) % 8]

    @property
    def points(self) -> np.ndarray:
        """Logarithms of calls and errors, shape (n, 2)."""
        return np.log(np.column_stack([self.calls, self.errors]))


@styled
def convergence_picture(rows: Sequence[Convergence], *titles: str, scale: float | None = None) -> Any:
    """Error over denoiser calls, a panel a metric; names beside the lines, slopes in a corner, its accuracy dashed."""
    panels = {metric: [row for row in rows if row.metric == metric] for metric in dict.fromkeys(row.metric for row in rows)}
    canvas, axes = figure(9, [max(3.9, 1.2 + 0.2 * len(panel)) for panel in panels.values()])
    for axis, (metric, panel) in zip(axes, panels.items(), strict=True):
        _panel(axis, panel, metric)
        axis.set_ylabel(f"{metric} error ({units(scale, squared=metric == 'weak')})")
    titled(canvas, f"Errors of {those(row.solver for row in rows)} against their cost", *(titles or ("",)))
    return canvas


def _curves(rows: Sequence[Convergence]) -> list[_Curve]:
    """Rows with a finite error; a clock is named where the panel has several."""
    several = len({row.clock for row in rows if row.clock}) > 1
    curves = []
    for i, row in enumerate(rows):
        calls, errors = np.asarray(_calls(row), dtype=float), np.asarray(row.errors, dtype=float)
        signs = np.ones_like(errors) if row.signs is None else np.asarray(row.signs)
        keep = np.isfinite(errors) & (errors > 0)
        clock = f" ({row.clock} clock)" if row.clock and several else ""
        slope = "" if row.order is None else f", order {row.order:.2f}"
        if keep.any():
            curves.append(_Curve(f"{row.solver}{clock}{slope}", calls[keep], errors[keep], signs[keep], i))
    return curves


def _panel(axis: Any, rows: Sequence[Convergence], metric: str) -> None:
    curves = _curves(rows)
    if not curves:
        return
    x, y = np.concatenate([c.calls for c in curves]), np.concatenate([c.errors for c in curves])
    log_axis(axis, "y", min(y.min(), *(c.errors[-1] / 3 for c in curves)) / 1.5, y.max() * 1.6)
    log_axis(axis, "x", x.min() / 1.3, x.max() * 1.05)
    for curve in curves:
        _line(axis, curve)
    told = [SIGNS] if metric == "weak" and any((c.signs < 0).any() for c in curves) else []
    # Between the marks too: words and guides keep away from the lines.
    seen = np.concatenate([_dense(c.points) for c in curves])
    told += _accuracy(axis, rows[0].accuracy, seen)
    axis.set_title("\n".join(told), fontsize=8, color=RIVAL, loc="right")
    left, right = np.log(axis.get_xlim())
    across = [(part, np.log(rows[0].accuracy * up)) for part in np.linspace(left, right, 60) for up in (1, 1.4)]
    _guides(axis, np.concatenate([seen, across]))
    _names(axis, curves)
    axis.grid(True, which="major", color=PALE, linewidth=0.6)
    axis.set_xlabel("denoiser calls")


def _line(axis: Any, curve: _Curve) -> None:
    """The line, dotted where the error passes 0 between two points; hollow marks where it is negative."""
    for k in range(curve.calls.size - 1):
        turns = curve.signs[k] * curve.signs[k + 1] < 0
        look = {**curve.look, "linestyle": (0, (1, 2))} if turns else curve.look
        axis.plot(curve.calls[k : k + 2], curve.errors[k : k + 2], linewidth=1.3, label="_turn" if turns else "_part", **look)
    axis.plot(curve.calls, curve.errors, curve.marker, markersize=4, color=curve.look["color"], label=curve.name)
    under = curve.signs < 0
    axis.plot(curve.calls[under], curve.errors[under], curve.marker, markersize=4, color=curve.look["color"],
              markerfacecolor="white", label="_hollow")  # fmt: skip


def _dense(points: np.ndarray) -> np.ndarray:
    place = np.linspace(0, 1, 20 * len(points))
    return np.column_stack([np.interp(place, np.linspace(0, 1, len(points)), part) for part in points.T])


def _accuracy(axis: Any, accuracy: float, seen: np.ndarray) -> list[str]:
    """The accuracy as a dashed line with its value where no line goes; where it lies beyond the panel, the words for that."""
    low, high = axis.get_ylim()
    if not low < accuracy < high:
        return [f"the accuracy {accuracy:.4g} lies {'below' if accuracy <= low else 'above'} this panel"]
    axis.axhline(accuracy, color=INK, linewidth=0.8, linestyle="--", zorder=0, label="_accuracy")
    near = _shares(axis, seen) - (0, _shares(axis, np.log([[1.0, accuracy]]))[0, 1])
    # Left of the line first; above it, then below.
    places = [(left, up) for left in (0.005, 0.84, 0.25, 0.5, 0.7) for up in (True, False)]
    free = [p for p in places if not _inside(near, p[0], 0.15, *((0.0, 0.06) if p[1] else (-0.06, 0.0)))]
    if not free:
        return [f"dashed: accuracy {accuracy:.4g}"]
    left, up = free[0]
    axis.annotate(f"accuracy {accuracy:.4g}", (left, accuracy), xycoords=axis.get_yaxis_transform(), xytext=(0, 3 if up else -3),
                  textcoords="offset points", fontsize=7.5, color=INK, va="bottom" if up else "top")  # fmt: skip
    return []


def _shares(axis: Any, points: np.ndarray) -> np.ndarray:
    """Places in the panel, 0 to 1, of logarithms."""
    low, high = np.log([axis.get_xlim(), axis.get_ylim()]).T
    return np.asarray((points - low) / (high - low))


def _inside(near: np.ndarray, left: float, width: float, bottom: float, top: float) -> bool:
    """Whether a line goes through a box."""
    x, y = near.T
    return bool(np.any((x > left - 0.01) & (x < left + width) & (y > bottom) & (y < top)))


def _names(axis: Any, curves: Sequence[_Curve]) -> None:
    """Names in the margin in the order of the last errors, each with its mark; a short thread to the line if it crosses none."""
    low, high = np.log(axis.get_ylim())
    heights = spread([c.points[-1, 1] for c in curves], 0.17 / axis.figure.get_figheight() * len(axis.figure.axes) * (high - low))
    lines = [(place, c.place) for c in curves for place in _segments(_shares(axis, c.points))]
    side = axis.get_yaxis_transform()
    for curve, height in zip(curves, heights, strict=True):
        at = float(np.exp(height))
        axis.plot([1.015, 1.03, 1.045], [at] * 3, transform=side, clip_on=False, linewidth=1.3, marker=curve.marker, markersize=4,
                  markevery=[1], label="_key", **curve.look)  # fmt: skip
        axis.annotate(plain(curve.name), (1.052, at), xycoords=side, fontsize=8, color=curve.look["color"], va="center",
                      annotation_clip=False)  # fmt: skip
        start, end = _shares(axis, curve.points[-1:])[0], np.array([1.012, (height - low) / (high - low)])
        # A long thread would be read as a part of the curve: the mark beside the name is enough.
        if start[0] >= NEAR and not any(_cross(start, end, *line) for line, place in lines if place != curve.place):
            lines.append(((start, end), curve.place))
            axis.annotate("", (1.012, at), xycoords=side, xytext=(curve.calls[-1], curve.errors[-1]), textcoords="data",
                          annotation_clip=False, arrowprops={"arrowstyle": "-", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0,
                                                             "color": curve.look["color"],
                                                             "linestyle": (0, (1, 3))})  # fmt: skip


def _segments(points: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(pairwise(points))


def _cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    """Whether the segment from a to b meets that from c to d."""

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) <= 0 and side(c, d, a) * side(c, d, b) <= 0


def _calls(row: Convergence) -> list[int]:
    """Model calls of each step count, on grids that end above 0."""
    return [SOLVERS[row.solver]().calls(steps, to_data=False) for steps in row.steps]


def _guides(axis: Any, seen: np.ndarray) -> None:
    """Slopes 1 and 2 in a corner where no line goes; none where every corner is taken. `seen` are logarithms."""
    low, high = np.log([axis.get_xlim(), axis.get_ylim()]).T
    span = high - low
    length, fall = 0.18, 2 * 0.18 * span[0] / span[1]
    near, places = _shares(axis, seen), ((0.03, min(0.1 + fall, 0.6)), (0.72, 0.95))
    # Lower left and upper right corner, as shares of the panel: place of the upper left end of the guides.
    free = [(x, y) for x, y in places if not _inside(near, x - 0.04, 0.35, y - fall - 0.06, y + 0.06) and y > fall]
    if not free:
        return
    start = low + np.array(free[0]) * span
    for order in (1, 2):
        end = start + length * span[0] * np.array([1, -order])
        axis.plot(*np.exp([start, end]).T, color=RIVAL, linewidth=1.2, linestyle=":", zorder=0, label="_guide")
        axis.annotate(f"slope {order}", tuple(np.exp(end)), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8.5,
                      color=RIVAL)  # fmt: skip
