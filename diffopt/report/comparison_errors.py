"""What the rows of a comparison cost: every row a mark, the optimum and the best rules named."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from diffopt.documents.build import known_scale
from diffopt.hosts.offered import offering
from diffopt.report import palette
from diffopt.report.comparison import shown_name
from diffopt.report.style import digits, log_axis, plain
from diffopt.report.units import unit
from diffopt.studies.comparison.comparison import Comparison, row_error
from diffopt.studies.comparison.row import Row
from diffopt.studies.comparison.selection import group_key


def row_errors(rows: Sequence[Row], comparison: Comparison) -> str:
    """The error that tells these rows apart, as the table beside the picture has it."""
    return row_error(rows, comparison.setting.objective)


def _plain_rows(comparison: Comparison) -> list[Row]:
    return [row for row in comparison.rows if row.design is None]


def _common(comparison: Comparison) -> str:
    """That of every group, where they agree."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in _plain_rows(comparison) or comparison.rows:
        found.setdefault(group_key(row), []).append(row)
    names = {row_errors(rows, comparison) for rows in found.values()}
    return names.pop() if len(names) == 1 else comparison.setting.objective


def errors_height(comparison: Comparison) -> float:
    """Inches of the panel of errors."""
    return 1.2 + 0.95 * len(_solvers(comparison)) if _single(comparison) else 4.2


def draw_errors(axis: Any, comparison: Comparison, host: str | None = None) -> str:
    """Every row, over denoiser calls where solvers have several; returns the title."""
    return (_strip if _single(comparison) else _lines)(axis, comparison, host)


def _solvers(comparison: Comparison) -> list[str]:
    return list(dict.fromkeys(row.solver for row in _plain_rows(comparison)))


def _single(comparison: Comparison) -> bool:
    """Whether each solver stands at one number of calls: no line to draw over them."""
    return len({(r.solver, r.denoiser_calls) for r in _plain_rows(comparison)}) == len(_solvers(comparison))


def offered_best(rows: Sequence[Row], comparison: Comparison, host: str | None) -> Row | None:
    """The row of least error among those that the program, or any, offers by name."""
    flow, objective = comparison.setting.process.name == "flow", _common(comparison)
    found = []
    for row in rows:
        if row.kind in ("added", "optimized") or row.design is not None or row.other_range or not _positive(row, objective):
            continue
        places = offering(row.schedule, flow)
        if places and (host is None or host in places):
            found.append(row)
    return min(found, key=lambda row: row.errors[objective] or 0.0, default=None)


def _who(host: str | None) -> str:
    return f"best that {host} offers" if host else "best that a program offers"


def _strip(axis: Any, comparison: Comparison, host: str | None) -> str:
    """A line a solver with every row a mark; the optimum, the best of all rules and of those on offer, and karras named."""
    objective, solvers = _common(comparison), _solvers(comparison)
    for i, solver in enumerate(solvers):
        rows = [r for r in _plain_rows(comparison) if r.solver == solver and _positive(r, objective)]
        values = [row.errors[objective] for row in rows]
        axis.plot(values, [i] * len(rows), "|", color=palette.RIVAL, markersize=9, markeredgewidth=0.9)
        offered, lifts = offered_best(rows, comparison, host), count(-11, -11)
        for row in rows:
            if (found := _mark(row, row is offered, host)) is None:
                continue
            colour, mark, words = found
            lift = 11 if row.kind == "optimized" else next(lifts)
            value = row.errors[objective] or 0.0
            axis.plot(value, i, mark, color=colour, markersize=6.5, zorder=3)
            text = plain(f"{shown_name(row)} {digits(value)}{words}")
            axis.annotate(text, (value, i), xytext=(0, lift), textcoords="offset points", ha="left", va="center", fontsize=8,
                          color=colour)  # fmt: skip
    if solvers and axis.lines:
        _fit(axis, comparison, objective, "x")
    calls = {row.solver: row.denoiser_calls for row in _plain_rows(comparison)}
    axis.set_yticks(range(len(solvers)), [f"{plain(s)}\n{calls[s]} call{'s' * (calls[s] != 1)}" for s in solvers])
    axis.set(ylim=(len(solvers) - 0.25, -0.5), xlabel=f"{_with_unit(objective, comparison)}, logarithmic")
    return _title("Every row a mark", axis.get_xlim(), comparison)


def _with_unit(objective: str, comparison: Comparison) -> str:
    return f"{objective} error ({unit(objective, known_scale(comparison.setting.facts))})"


def _mark(row: Row, offered: bool, host: str | None) -> tuple[str, str, str] | None:
    """Colour, marker and words of a row that is named."""
    words = f", {_who(host)}" if offered else ""
    if row.kind == "optimized":
        return palette.OWN, "o", ""
    if row.kind == "added":
        return palette.YOURS, "P", ", yours"
    if row.schedule == "karras":
        return palette.HABIT, "s", words
    kinds = {"spectrum": palette.DATA, "table": palette.PUBLISHED}
    if row.best or offered:
        needs = ", needs the spectrum" if row.kind == "spectrum" else ""
        return kinds.get(row.kind, palette.INK), "D", words or f", best of all rules{needs}"
    return None


def _lines(axis: Any, comparison: Comparison, host: str | None) -> str:
    """Every row as a point; per solver a line through its optimized rows and one through the best rules on offer."""
    objective, solvers = _common(comparison), _solvers(comparison)
    for i, solver in enumerate(solvers):
        rows = [r for r in _plain_rows(comparison) if r.solver == solver and _positive(r, objective)]
        look = {"color": palette.LINES[i % 8], "marker": palette.MARKERS[i % 8]}
        # A little sideways, so that solvers with equal calls do not hide each other.
        shift = 1 + 0.02 * (i - (len(solvers) - 1) / 2)
        if rows:
            points = [(r.denoiser_calls * shift, r.errors[objective]) for r in rows]
            axis.plot(*zip(*points, strict=True), ".", color=look["color"], markersize=3.5, alpha=0.35)
        budgets = [[r for r in rows if r.budget == budget] for budget in dict.fromkeys(r.budget for r in rows)]
        best = [row for group in budgets if (row := offered_best(group, comparison, host)) is not None]
        for own, chosen, label in (
            (True, [r for r in rows if r.kind == "optimized"], f"{solver}: optimum"), (False, best, f"{solver}: {_who(host)}"),
        ):  # fmt: skip
            line = sorted((r.denoiser_calls * shift, r.errors[objective]) for r in chosen)
            if line:
                # The hollow one is larger and below: both are seen where they are equal.
                axis.plot(*zip(*line, strict=True), "-" if own else "--", **look, markersize=5 if own else 9, linewidth=1.3,
                          markerfacecolor=look["color"] if own else "white", zorder=3 if own else 2.5, label=label)  # fmt: skip
    _scales(axis, comparison, objective)
    axis.set(xlabel="denoiser calls", ylabel=_with_unit(objective, comparison))
    axis.grid(True, which="major", axis="y", color=palette.PALE, linewidth=0.7)
    return _title("Every row a dot", axis.get_ylim(), comparison)


def _scales(axis: Any, comparison: Comparison, objective: str) -> None:
    calls = sorted({row.denoiser_calls for row in _plain_rows(comparison)})
    if axis.lines:
        log_axis(axis, "y")
        _fit(axis, comparison, objective)
    if calls:
        log_axis(axis, "x", calls[0] / 1.25, calls[-1] * 1.25)
        if len(calls) <= 8:
            axis.set_xticks(calls, _apart(calls))


def _title(text: str, ends: tuple[float, float], comparison: Comparison) -> str:
    """The text, and how many rows lie beyond the axis, with the worst."""
    objective = _common(comparison)
    drawn = [(value, row) for row in _plain_rows(comparison) if (value := row.errors[objective] or 0.0) > 0]
    beyond = [(value, row) for value, row in drawn if not min(ends) <= value <= max(ends)]
    if not beyond:
        return text
    value, row = max(beyond, key=lambda pair: pair[0])
    return f"{text}; {len(beyond)} off the scale, worst {shown_name(row)} {digits(value)}"


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
    values = [v for r in _plain_rows(comparison) if (v := r.errors[objective])]
    if values:
        top = min(max(values), 30 * max(best)) if best else max(values)
        log_axis(axis, which, min(values) / 1.5, top * 1.5)


def _positive(row: Row, objective: str) -> bool:
    value = row.errors[objective]
    return value is not None and value > 0
