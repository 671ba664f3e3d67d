"""Pictures of a comparison: where the steps go, and what they cost."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import MissingExtraError
from diffopt.report.comparison import shown_name
from diffopt.studies.comparison.comparison import Comparison, Row
from diffopt.studies.comparison.selection import group_key

_KIND_COLOURS = {
    "fixed": "#5b6b8c", "table": "#8a6fb0", "spectrum": "#2a8f86", "stochasticity": "#b0762a",
    "added": "#1f1f1f", "optimized": "#c0392b",
}  # fmt: skip
_LINES = ("#2c4a7c", "#c0392b", "#2a8f86", "#b0762a", "#8a6fb0", "#5a8f2a", "#7a5a3a", "#d05a9a")
#: Grids drawn at most.
MOST = 48


def shown_group(comparison: Comparison) -> list[Row]:
    """Rows of the group whose grids are drawn: the first solver, the budget nearest to 10, best on top."""
    rows = [r for r in comparison.rows if r.design is None] or comparison.rows
    if not rows:
        return []
    first = group_key(rows[0])[0]
    budgets = {r.budget for r in rows if group_key(r)[0] == first}
    budget = min(budgets, key=lambda b: (abs(b - 10), b))
    objective = comparison.setting.objective

    def rank(row: Row) -> tuple[bool, float]:
        value = row.errors[objective]
        return (row.kind != "optimized", np.inf if value is None else value)

    return sorted((r for r in rows if group_key(r) == (first, budget)), key=rank)[:MOST]


def _blank(width: float, heights: list[float]) -> tuple[Any, list[Any]]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "plot", "--plot and --html") from None
    canvas = Figure(figsize=(width, sum(heights)), layout="constrained")
    axes = canvas.subplots(len(heights), 1, height_ratios=heights, squeeze=False)
    return canvas, list(axes[:, 0])


def picture(comparison: Comparison, panels: tuple[str, ...] = ("grids", "errors")) -> Any:
    """Figure with one or both panels."""
    group = shown_group(comparison)
    size = {"grids": 1.6 + 0.17 * max(len(group), 6), "errors": 4.6}
    canvas, axes = _blank(9.5, [size[name] for name in panels])
    for name, axis in zip(panels, axes, strict=True):
        if name == "grids":
            _grids(axis, group, comparison)
        else:
            _errors(axis, comparison)
    return canvas


def svg(comparison: Comparison, panel: str) -> str:
    """One panel as inline SVG; the same comparison gives the same text."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": f"diffopt-{panel}", "svg.fonttype": "none"}):
        picture(comparison, (panel,)).savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _grids(axis: Any, group: list[Row], comparison: Comparison) -> None:
    """A line of ticks per schedule over the density of sqrt(eig)."""
    finite = [r.sigmas[np.isfinite(r.sigmas) & (r.sigmas > 0)] for r in group]
    low = min((float(s.min()) for s in finite), default=0.01) / 1.4
    high = max((float(s.max()) for s in finite), default=100.0) * 1.4
    _density(axis, comparison.setting.spectrum, low, high, len(group))
    for i, (row, sigmas) in enumerate(zip(group, finite, strict=True)):
        colour = _KIND_COLOURS[row.kind]
        axis.hlines(i, sigmas.min(), sigmas.max(), color=colour, linewidth=0.5, alpha=0.5)
        axis.plot(sigmas, np.full(sigmas.size, i), "|", color=colour, markersize=7, markeredgewidth=1.4)
    objective = comparison.setting.objective
    labels = [_label(row, objective) for row in group]
    axis.set_yticks(range(len(group)), labels, fontsize=7.5)
    for text, row in zip(axis.get_yticklabels(), group, strict=True):
        text.set_color(_KIND_COLOURS[row.kind])
    axis.set(xscale="log", xlim=(low, high), ylim=(len(group) - 0.4, -0.6))
    axis.set_xlabel("sigma (ticks), sqrt(eigenvalue) (shades)")
    if group:
        axis.set_title(
            f"Where the steps go: {group[0].solver}, {group[0].denoiser_calls} denoiser calls, by {objective} "
            "(number beside the name)", fontsize=10, loc="left",
        )  # fmt: skip
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16 * 4 / (1.6 + 0.17 * max(len(group), 6))), ncols=6,
                fontsize=8, frameon=False, handles=_legend(group))  # fmt: skip


def _label(row: Row, objective: str) -> str:
    value = row.errors[objective]
    return f"{shown_name(row)}  {'-' if value is None else format(value, '.3g')}"


def _legend(group: list[Row]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    kinds = [k for k in _KIND_COLOURS if any(r.kind == k for r in group)]
    lines = [Line2D([], [], color=_KIND_COLOURS[k], marker="|", linestyle="none", label=k) for k in kinds]
    shades = [
        Patch(color="#9fb3d9", alpha=0.7, label="directions"), Patch(color="#f0c08a", alpha=0.8, label="variance"),
    ]
    return [*lines, *shades]


def _density(axis: Any, spectrum: Spectrum, low: float, high: float, rows: int) -> None:
    """Shares of the directions and of the variance per bin, filled behind the ticks from below."""
    root = np.clip(np.sqrt(np.maximum(spectrum.eig, 0)), low, high)
    edges = np.geomspace(low, high, 81)
    for weight, colour, alpha in (
        (spectrum.weight, "#9fb3d9", 0.55),
        (spectrum.weight * spectrum.eig, "#f0c08a", 0.6),
    ):
        share = np.histogram(root, edges, weights=weight)[0]
        depth = share / max(share.max(), 1e-300) * (rows + 0.2)
        axis.stairs(rows - 0.4 - depth, edges, baseline=rows - 0.4, fill=True, color=colour, alpha=alpha, zorder=0)


def _errors(axis: Any, comparison: Comparison) -> None:
    """Every row as a point; per solver a line through its optimized and its best published rows."""
    from matplotlib.ticker import NullLocator

    objective = comparison.setting.objective
    solvers = list(dict.fromkeys(r.solver for r in comparison.rows if r.design is None))
    for i, solver in enumerate(solvers):
        rows = [r for r in comparison.rows if r.solver == solver and r.design is None]
        colour = _LINES[i % len(_LINES)]
        # A little sideways, so that solvers with equal calls do not hide each other.
        shift = 1 + 0.018 * (i - (len(solvers) - 1) / 2)
        points = [(r.denoiser_calls * shift, r.errors[objective]) for r in rows if _positive(r, objective)]
        if points:
            axis.plot(*zip(*points, strict=True), ".", color=colour, markersize=3.5, alpha=0.35)
        for style, chosen, label in (
            ("o-", [r for r in rows if r.kind == "optimized"], f"{solver}, optimized"),
            ("s--", [r for r in rows if r.best], f"{solver}, best published"),
        ):
            line = [(r.denoiser_calls * shift, r.errors[objective]) for r in chosen if _positive(r, objective)]
            if line:
                axis.plot(*zip(*sorted(line), strict=True), style, color=colour, markersize=4.5, linewidth=1.3,
                          markerfacecolor=colour if style == "o-" else "white", label=label)  # fmt: skip
    calls = sorted({r.budget for r in comparison.rows if r.design is None})
    if calls:
        axis.set_xscale("log")
        axis.set_xticks(calls, [str(c) for c in calls], fontsize=8)
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlim(calls[0] / 1.25, calls[-1] * 1.25)
    if axis.lines:
        _decades(axis)
    axis.set_xlabel("denoiser calls")
    axis.set_ylabel(f"{objective} error")
    axis.set_title("What they cost: every row a dot", fontsize=10, loc="left")
    axis.grid(True, which="major", axis="y", color="#e2e5ec", linewidth=0.7)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7.5, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _decades(axis: Any) -> None:
    """Plain numbers at 1, 2, 5 of every decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=30))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.tick_params(axis="y", labelsize=8)


def _positive(row: Row, objective: str) -> bool:
    value = row.errors[objective]
    return value is not None and value > 0
