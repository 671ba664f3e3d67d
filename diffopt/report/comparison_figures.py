"""Pictures of a comparison: where the steps go, and what they cost."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from diffopt.report.comparison import shown_name
from diffopt.report.style import (
    GREEN,
    GREY,
    INK,
    LINES,
    MARKERS,
    ORANGE,
    PALE,
    PURPLE,
    RED,
    board,
    density,
    log_axis,
    plain,
    styled,
)
from diffopt.studies.comparison.comparison import Comparison, Row
from diffopt.studies.comparison.selection import group_key

_KIND_COLOURS = {
    "fixed": GREY, "table": PURPLE, "spectrum": GREEN, "stochasticity": ORANGE, "added": INK, "optimized": RED,
}  # fmt: skip
#: Marks of a row's kind beside its colour.
_KIND_MARKS = {
    "fixed": "", "table": "published ", "spectrum": "data ", "stochasticity": "noise ", "added": "yours ", "optimized": "",
}  # fmt: skip
#: Grids drawn in a group that stands alone, in one of several, and groups drawn at most.
ALONE, SHARED, GROUPS = 30, 7, 12


def groups(comparison: Comparison) -> list[list[Row]]:
    """Rows by solver and budget, the optimized one first, then by the objective."""
    objective = comparison.setting.objective
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in [r for r in comparison.rows if r.design is None] or comparison.rows:
        found.setdefault(group_key(row), []).append(row)

    def rank(row: Row) -> tuple[bool, float]:
        value = row.errors[objective]
        return (row.kind != "optimized", np.inf if value is None else value)

    return [sorted(rows, key=rank) for rows in found.values()]


@styled
def picture(comparison: Comparison, panels: tuple[str, ...] = ("grids", "errors")) -> Any:
    """Figure with the grids of every group and the errors, or one of the two."""
    shown = groups(comparison)
    drawn = shown[:GROUPS] if "grids" in panels else []
    most = ALONE if len(drawn) < 2 else SHARED
    heights = [0.9 + 0.19 * max(min(len(g), most + 1), 3) for g in drawn]
    canvas, axes = board(9.5, heights, 4.2 if "errors" in panels else None, "--plot and --html")
    for axis, group in zip(axes, drawn, strict=False):
        _grids(axis, group, comparison, most)
    if "errors" in panels:
        _errors(axes[-1], comparison)
    left = len(shown) - len(drawn)
    if "grids" in panels and left > 0:
        canvas.supxlabel(f"{left} more groups are in the table", fontsize=8, color=GREY)
    return canvas


def svg(comparison: Comparison, panel: str) -> str:
    """One panel as inline SVG; the same comparison gives the same text."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": f"diffopt-{panel}", "svg.fonttype": "none"}):
        picture(comparison, (panel,)).savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _grids(axis: Any, rows: list[Row], comparison: Comparison, most: int) -> None:
    """A line of ticks per schedule over the density of sqrt(eig); karras is always among them."""
    group = rows[:most] + [r for r in rows[most:] if r.schedule == "karras" or r.kind == "added"]
    finite = [r.sigmas[np.isfinite(r.sigmas) & (r.sigmas > 0)] for r in group]
    low = min((float(s.min()) for s in finite), default=0.01) / 1.4
    high = max((float(s.max()) for s in finite), default=100.0) * 1.4
    spectrum, bottom = comparison.setting.spectrum, len(group) - 0.4
    root = np.sqrt(np.maximum(spectrum.eig, 0))
    keep = root >= low
    density(axis, root[keep], spectrum.weight[keep], low, high, -(len(group) + 0.2), bottom)
    for i, (row, sigmas) in enumerate(zip(group, finite, strict=True)):
        colour = _KIND_COLOURS[row.kind]
        axis.hlines(i, sigmas.min(), sigmas.max(), color=colour, linewidth=0.5, alpha=0.5)
        axis.plot(sigmas, np.full(sigmas.size, i), "|", color=colour, markersize=7, markeredgewidth=1.4)
    objective = comparison.setting.objective
    axis.set_yticks(range(len(group)), [_label(row, objective) for row in group], fontsize=7.5)
    for text, row in zip(axis.get_yticklabels(), group, strict=True):
        text.set_color(_KIND_COLOURS[row.kind])
    axis.set_ylim(bottom, -0.6)
    log_axis(axis, "x", high, low)
    axis.set_xlabel("sigma, sampling runs to the right; shades: sqrt(eigenvalue), directions blue, variance orange", fontsize=8)
    hidden = len(rows) - len(group)
    more = f"; {hidden} worse ones not drawn" if hidden else ""
    axis.set_title(f"{group[0].solver}, {group[0].denoiser_calls} calls: grids by {objective}{more}")


def _label(row: Row, objective: str) -> str:
    value = row.errors[objective]
    return plain(f"{_KIND_MARKS[row.kind]}{shown_name(row)}  {'-' if value is None else format(value, '.3g')}")


def _errors(axis: Any, comparison: Comparison) -> None:
    """Every row as a point; per solver a line through its optimized rows and one through its best fixed rows."""
    objective = comparison.setting.objective
    solvers = list(dict.fromkeys(r.solver for r in comparison.rows if r.design is None))
    for i, solver in enumerate(solvers):
        rows = [r for r in comparison.rows if r.solver == solver and r.design is None and _positive(r, objective)]
        colour, marker = LINES[i % 8], MARKERS[i % 8]
        # A little sideways, so that solvers with equal calls do not hide each other.
        shift = 1 + 0.02 * (i - (len(solvers) - 1) / 2)
        points = [(r.denoiser_calls * shift, r.errors[objective]) for r in rows]
        if points:
            axis.plot(*zip(*points, strict=True), ".", color=colour, markersize=3.5, alpha=0.3)
        for style, chosen, label in (
            ("-", [r for r in rows if r.kind == "optimized"], f"{solver}, optimized"),
            ("--", [r for r in rows if r.best], f"{solver}, best of the others"),
        ):
            line = sorted((r.denoiser_calls * shift, r.errors[objective]) for r in chosen)
            if line:
                axis.plot(*zip(*line, strict=True), style, color=colour, marker=marker, markersize=5, linewidth=1.3,
                          markerfacecolor=colour if style == "-" else "white", label=label)  # fmt: skip
    calls = sorted({r.denoiser_calls for r in comparison.rows if r.design is None})
    if axis.lines:
        log_axis(axis, "y")
        _fit(axis, comparison, objective)
    if calls:
        axis.set_xscale("log")
        axis.set_xlim(calls[0] / 1.25, calls[-1] * 1.25)
        log_axis(axis, "x", calls[0] / 1.25, calls[-1] * 1.25)
    axis.set(xlabel="denoiser calls", ylabel=f"{objective} error")
    axis.set_title("What they cost: every row a dot")
    axis.grid(True, which="major", axis="y", color=PALE, linewidth=0.7)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _fit(axis: Any, comparison: Comparison, objective: str) -> None:
    """Axis over the rows worth looking at: nothing above thirty times the worst optimized row."""
    best = [v for r in comparison.rows if r.kind == "optimized" and (v := r.errors[objective])]
    values = [v for r in comparison.rows if r.design is None and (v := r.errors[objective])]
    if values:
        top = min(max(values), 30 * max(best)) if best else max(values)
        log_axis(axis, "y", min(values) / 1.5, top * 1.5)


def _positive(row: Row, objective: str) -> bool:
    value = row.errors[objective]
    return value is not None and value > 0
