"""Pictures of a comparison: where the steps go, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

from diffopt.report.comparison import shown_name
from diffopt.report.rankings import unit
from diffopt.report.style import (
    BLUE,
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
    level_row,
    log_axis,
    plain,
    styled,
    titled,
)
from diffopt.studies.comparison.comparison import Comparison, row_error
from diffopt.studies.comparison.row import Row
from diffopt.studies.comparison.selection import group_key

_KIND_COLOURS = {
    "fixed": GREY, "table": PURPLE, "spectrum": GREEN, "stochasticity": ORANGE, "added": INK, "optimized": RED,
}  # fmt: skip
#: Marks of a row's kind beside its colour, and what they mean.
_KIND_MARKS = {
    "fixed": "", "table": "published ", "spectrum": "data ", "stochasticity": "noise ", "added": "yours ", "optimized": "",
}  # fmt: skip
_MEANING = {
    "optimized": "orange: the optimum", "fixed": "grey: rules that need no data (karras blue)",
    "spectrum": "green, data: computed from this spectrum", "table": "purple, published: tables made for other models",
    "stochasticity": "ochre, noise: noise designs", "added": "black, yours: --add",
}  # fmt: skip
#: Grids drawn in a group that stands alone, in one of several, and groups drawn at most.
ALONE, SHARED, GROUPS = 30, 7, 12
SHADES = "shades: sqrt(eigenvalue), directions blue, variance orange"


def groups(comparison: Comparison) -> list[list[Row]]:
    """Rows by solver and budget, the optimized one first, then by the error that tells them apart."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in [r for r in comparison.rows if r.design is None] or comparison.rows:
        found.setdefault(group_key(row), []).append(row)

    return [_ranked(rows, _error(rows, comparison)) for rows in found.values()]


def _ranked(rows: list[Row], error: str) -> list[Row]:
    return sorted(rows, key=lambda row: (row.kind != "optimized", np.inf if (value := row.errors[error]) is None else value))


def _error(rows: Sequence[Row], comparison: Comparison) -> str:
    """The error that tells these rows apart, as the table beside the picture has it."""
    return row_error(rows, comparison.setting.objective)


def _common_error(comparison: Comparison) -> str:
    """That of every group, where they agree."""
    found = {_error(rows, comparison) for rows in groups(comparison)}
    return found.pop() if len(found) == 1 else comparison.setting.objective


def key(comparison: Comparison) -> str:
    """What the colours and the words before the names say, of the kinds that occur."""
    kinds = {row.kind for rows in groups(comparison) for row in rows}
    return "; ".join(text for kind, text in _MEANING.items() if kind in kinds)


def _unit_of(comparison: Comparison) -> str:
    objective = _common_error(comparison)
    return f"{objective} error ({unit(objective)})"


def _colour(row: Row) -> str:
    return BLUE if row.schedule == "karras" else _KIND_COLOURS[row.kind]


@styled
def picture(comparison: Comparison, *titles: str) -> Any:
    """Figure with the grids of every group and the errors; `titles` are the data and the conditions."""
    shown = groups(comparison)
    drawn, most = shown[:GROUPS], drawn_rows(comparison)
    canvas, axes = board(9.5, [grids_height(group, most) for group in drawn], errors_height(comparison))
    for axis, group in zip(axes, drawn, strict=False):
        axis.set_title(draw_grids(axis, group, comparison, most))
        axis.set_xlabel(f"{axis.get_xlabel()}\n{SHADES}", fontsize=8)
    axes[-1].set_title(draw_errors(axes[-1], comparison))
    if axes[-1].get_legend_handles_labels()[0]:
        axes[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    if len(shown) > len(drawn):
        canvas.supxlabel(f"{len(shown) - len(drawn)} more groups are in the table", fontsize=8, color=GREY)
    if titles:
        titled(canvas, "Step grids compared", *titles, key(comparison))
    return canvas


def drawn_rows(comparison: Comparison) -> int:
    """Grids drawn of a group."""
    return ALONE if len(groups(comparison)) < 2 else SHARED


def grids_height(group: Sequence[Row], most: int) -> float:
    """Inches of a panel of grids."""
    return 0.9 + 0.19 * max(min(len(group), most + 1), 3)


def errors_height(comparison: Comparison) -> float:
    """Inches of the panel of errors."""
    return 1.1 + 0.75 * len(_solvers(comparison)) if _single(comparison) else 4.2


def draw_errors(axis: Any, comparison: Comparison) -> str:
    """Every row, over denoiser calls where solvers have several; returns the title."""
    return (_strip if _single(comparison) else _errors)(axis, comparison)


def _solvers(comparison: Comparison) -> list[str]:
    return list(dict.fromkeys(r.solver for r in comparison.rows if r.design is None))


def _single(comparison: Comparison) -> bool:
    """Whether each solver stands at one number of calls: no line to draw over them."""
    return len({(r.solver, r.denoiser_calls) for r in comparison.rows if r.design is None}) == len(_solvers(comparison))


def _distinct(rows: list[Row], width: int) -> list[tuple[Row, str]]:
    """Rows of different grids, each with its names: three of them, or those that `width` holds, and how many more there are."""
    found: list[tuple[Row, list[str]]] = []
    for row in rows:
        same = next((names for other, names in found if _same(row, other)), None)
        if same is None:
            found.append((row, [shown_name(row)]))
        else:
            same.append(shown_name(row))
    return [(row, _joined(names, width)) for row, names in found]


def _joined(names: list[str], width: int) -> str:
    most = next((k for k in (3, 2, 1) if len(" = ".join(names[:k])) <= width), 1)
    return " = ".join(names[:most]) + f" and {len(names) - most} more" * (len(names) > most)


def _same(one: Row, other: Row) -> bool:
    if "optimized" in (one.kind, other.kind) or one.sigmas.shape != other.sigmas.shape:
        return False
    return np.allclose(one.sigmas, other.sigmas, rtol=1e-9, atol=0) and np.allclose(one.eta, other.eta)


def draw_grids(axis: Any, rows: list[Row], comparison: Comparison, most: int, width: int = 200) -> str:
    """A line of ticks per schedule over the density of sqrt(eig), karras always among them; returns the title.

    `width` is the room for names of equal grids, in characters.
    """
    named = all_named = _distinct(rows, width)
    named = named[:most] + [(r, n) for r, n in named[most:] if r.schedule == "karras" or r.kind == "added"]
    group = [row for row, _ in named]
    finite = [r.sigmas[np.isfinite(r.sigmas) & (r.sigmas > 0)] for r in group]
    spectrum, bottom = comparison.setting.spectrum, len(group) - 0.4
    root = np.sqrt(np.maximum(spectrum.eig, 0))
    low = min((float(s.min()) for s in finite if s.size), default=float(root[root > 0].min())) / 1.4
    high = max((float(s.max()) for s in finite if s.size), default=float(root.max())) * 1.4
    log_axis(axis, "x", high, low)
    keep = root >= low
    density(axis, root[keep], spectrum.weight[keep], low, high, -(len(group) + 0.2), bottom)
    for i, row in enumerate(group):
        level_row(axis, i, row.sigmas.tolist(), _colour(row), 7, 1.4)
    objective = _error(rows, comparison)
    axis.set_yticks(range(len(group)), [_label(row, name, objective) for row, name in named], fontsize=7.5)
    for text, row in zip(axis.get_yticklabels(), group, strict=True):
        text.set_color(_colour(row))
    axis.set_ylim(bottom, -0.6)
    hidden = len(all_named) - len(group)
    more = f"; {hidden} worse ones not drawn" if hidden else ""
    gap = hidden > 0 and len(group) > most
    if gap:
        # What stands below is drawn out of its rank.
        axis.axhline(most - 0.5, color=INK, linewidth=1.1, linestyle=(0, (1, 2.5)))
    pure = any(np.isinf(row.sigmas[0]) for row in group)
    marks = "; ".join(["triangles: pure noise"] * pure + ["dots: rows left out"] * gap)
    axis.set_xlabel("\n".join(["sigma, sampling runs to the right", *[marks] * bool(marks)]), fontsize=8)
    return f"{group[0].solver}, {group[0].denoiser_calls} calls: grids by {objective}{more}"


def _label(row: Row, name: str, objective: str) -> str:
    value = row.errors[objective]
    return plain(f"{_KIND_MARKS[row.kind]}{name}  {'-' if value is None else format(value, '.3g')}")


def _strip(axis: Any, comparison: Comparison) -> str:
    """A line a solver with every row a dot; the optimum, the best of the others and karras named."""
    objective, solvers = _common_error(comparison), _solvers(comparison)
    for i, solver in enumerate(solvers):
        rows = [r for r in comparison.rows if r.solver == solver and r.design is None and _positive(r, objective)]
        axis.plot([r.errors[objective] for r in rows], [i] * len(rows), "|", color=GREY, markersize=9, markeredgewidth=0.9)
        lifts = count(-11, -12)
        for row in rows:
            if (found := _mark(row)) is None:
                continue
            colour, mark = found
            lift = 11 if row.kind == "optimized" else next(lifts)
            axis.plot(row.errors[objective], i, mark, color=colour, markersize=6.5, zorder=3)
            axis.annotate(plain(f"{shown_name(row)} {row.errors[objective]:.3g}"), (row.errors[objective], i), xytext=(0, lift),
                          textcoords="offset points", ha="left", va="center", fontsize=8, color=colour)  # fmt: skip
    if solvers and axis.lines:
        _fit(axis, comparison, objective, "x")
    axis.set_yticks(range(len(solvers)), [plain(s) for s in solvers])
    axis.set(ylim=(len(solvers) - 0.4, -0.6), xlabel=f"{_unit_of(comparison)}, logarithmic")
    return _title("Every row a mark", axis.get_xlim(), comparison)


def _title(text: str, ends: tuple[float, float], comparison: Comparison) -> str:
    """The text, and how many rows lie beyond the axis."""
    objective = _common_error(comparison)
    drawn = [r.errors[objective] or 0.0 for r in comparison.rows if r.design is None and _positive(r, objective)]
    beyond = sum(not ends[0] <= value <= ends[1] for value in drawn)
    return f"{text}, {beyond} far one{'s' * (beyond > 1)} not drawn" if beyond else text


def _mark(row: Row) -> tuple[str, str] | None:
    """Colour and marker of a row that is named."""
    if row.kind in ("optimized", "added"):
        return (RED, "o") if row.kind == "optimized" else (INK, "P")
    if row.schedule == "karras":
        return BLUE, "s"
    return (GREEN, "D") if row.best else None


def _errors(axis: Any, comparison: Comparison) -> str:
    """Every row as a point; per solver a line through its optimized rows and one through its best fixed rows."""
    objective = _common_error(comparison)
    solvers = _solvers(comparison)
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
                # The hollow one is larger and below: both are seen where they are equal.
                own = style == "-"
                axis.plot(*zip(*line, strict=True), style, color=colour, marker=marker, markersize=5 if own else 9, linewidth=1.3,
                          markerfacecolor=colour if own else "white", zorder=3 if own else 2.5, label=label)  # fmt: skip
    calls = sorted({r.denoiser_calls for r in comparison.rows if r.design is None})
    if axis.lines:
        log_axis(axis, "y")
        _fit(axis, comparison, objective)
    if calls:
        axis.set_xscale("log")
        axis.set_xlim(calls[0] / 1.25, calls[-1] * 1.25)
        log_axis(axis, "x", calls[0] / 1.25, calls[-1] * 1.25)
        if len(calls) <= 8:
            axis.set_xticks(calls, _apart(calls))
    axis.set(xlabel="denoiser calls", ylabel=_unit_of(comparison))
    axis.grid(True, which="major", axis="y", color=PALE, linewidth=0.7)
    return _title("Every row a dot", axis.get_ylim(), comparison)


def _apart(calls: Sequence[int]) -> list[str]:
    """Numbers of ticks, without those that would lie on the one before."""
    least, kept, texts = max((calls[-1] / calls[0]) ** 0.08, 1.04), 0.0, []
    for n in calls:
        texts.append(str(n) if n >= least * kept else "")
        kept = n if texts[-1] else kept
    return texts


def _fit(axis: Any, comparison: Comparison, objective: str, which: str = "y") -> None:
    """Axis over the rows worth looking at: nothing above thirty times the worst optimized row."""
    best = [v for r in comparison.rows if r.kind == "optimized" and (v := r.errors[objective])]
    values = [v for r in comparison.rows if r.design is None and (v := r.errors[objective])]
    if values:
        top = min(max(values), 30 * max(best)) if best else max(values)
        log_axis(axis, which, min(values) / 1.5, top * 1.5)


def _positive(row: Row, objective: str) -> bool:
    value = row.errors[objective]
    return value is not None and value > 0
