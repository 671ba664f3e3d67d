"""What the rows of a comparison cost: every row a mark, the optimum and the best rules named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from diffopt.documents.build import known_scale
from diffopt.hosts.offered import offering
from diffopt.report import palette
from diffopt.report.gain import number
from diffopt.report.style import log_axis, plain
from diffopt.report.units import BESIDE, error_words
from diffopt.schedules import HABIT
from diffopt.studies.comparison.comparison import Comparison, row_error
from diffopt.studies.comparison.row import Row, shown_name
from diffopt.studies.comparison.selection import group_key

#: Colour of each kind of row.
_KINDS = {
    "fixed": palette.RIVAL, "table": palette.PUBLISHED, "spectrum": palette.DATA, "stochasticity": palette.NOISE,
    "added": palette.YOURS, "optimized": palette.OWN,
}  # fmt: skip

#: What the marks of named rows are.
NAMED = {"o": "the optimum", "D": "the best rules", "s": HABIT, "P": "yours"}


def row_colour(row: Row) -> str:
    """Colour of a row by its kind; karras, the habit, has its own."""
    return palette.HABIT if row.schedule == HABIT else _KINDS[row.kind]


def row_errors(rows: Sequence[Row], comparison: Comparison) -> str:
    """The error that tells these rows and those of their groups that are not shown apart, as the table beside has it."""
    of = {group_key(row) for row in rows}
    return row_error([*rows, *(row for row in comparison.hidden if group_key(row) in of)], comparison.setting.objective)


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
    """Every row, in columns by denoiser calls where solvers have several; returns the title."""
    return (_strip if _single(comparison) else _columns)(axis, comparison, host)


def _solvers(comparison: Comparison) -> list[str]:
    return list(dict.fromkeys(row.solver for row in _plain_rows(comparison)))


def _single(comparison: Comparison) -> bool:
    """Whether each solver stands at one number of calls: no columns to draw."""
    return len({(r.solver, r.denoiser_calls) for r in _plain_rows(comparison)}) == len(_solvers(comparison))


def offered_best(rows: Sequence[Row], comparison: Comparison, host: str | None) -> Row | None:
    """The row of least error among those that the program, or any, offers by name."""
    flow, objective = comparison.setting.process.flow, _common(comparison)
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
        for colour in dict.fromkeys(row_colour(row) for row in rows):
            values = [row.errors[objective] for row in rows if row_colour(row) == colour]
            axis.plot(values, [i] * len(values), "|", color=colour, markersize=9, markeredgewidth=0.9)
        offered, lifts = offered_best(rows, comparison, host), count(-11, -11)
        known = [row for row in rows if row.kind == "fixed" and not row.other_range]
        free = min(known, key=lambda row: row.errors[objective] or 0.0, default=None)
        for row in rows:
            if (found := _mark(row, row is offered, host, row is free)) is None:
                continue
            colour, mark, words = found
            lift = 11 if row.kind == "optimized" else next(lifts)
            value = row.errors[objective] or 0.0
            edge = palette.INK if mark == "D" else colour
            # Of diamonds in the colours of their kinds one stands for all in the legend.
            told = NAMED[mark] if NAMED[mark] not in axis.get_legend_handles_labels()[1] else "_same"
            axis.plot(value, i, mark, color=colour, markersize=6.5, zorder=3, markeredgecolor=edge, linestyle="none", label=told)
            text = plain(f"{shown_name(row)} {number(value)}{words}")
            axis.annotate(text, (value, i), xytext=(0, lift), textcoords="offset points", ha="left", va="center", fontsize=8,
                          color=colour)  # fmt: skip
    if solvers and axis.lines:
        _fit(axis, comparison, objective, "x")
    calls = {row.solver: row.denoiser_calls for row in _plain_rows(comparison)}
    axis.set_yticks(range(len(solvers)), [f"{plain(s)}\n{calls[s]} call{'s' * (calls[s] != 1)}" for s in solvers])
    axis.set(ylim=(len(solvers) - 0.25, -0.5), xlabel=_with_unit(axis, objective, comparison))
    return _title("Every row a mark", axis.get_xlim(), comparison)


def _with_unit(axis: Any, objective: str, comparison: Comparison, logarithmic: bool = True) -> str:
    """Words for an axis as wide as the figure, or as high as its part."""
    letters = int(10.5 * axis.figure.get_figwidth()) if logarithmic else BESIDE
    return error_words(objective, known_scale(comparison.setting.facts), logarithmic, letters)


def _mark(row: Row, offered: bool, host: str | None, free: bool = False) -> tuple[str, str, str] | None:
    """Colour, marker and words of a row that is named; `free` is the best that needs no data."""
    words = f", {_who(host)}" if offered else ""
    if row.kind == "optimized":
        return palette.OWN, "o", ""
    if row.kind == "added":
        return palette.YOURS, "P", ", yours"
    if row.schedule == HABIT:
        return palette.HABIT, "s", words
    if row.best or offered or free:
        if free and not (row.best or offered):
            return row_colour(row), "D", ", best that needs no data"
        needs = ", needs the spectrum" if row.kind == "spectrum" else ""
        return row_colour(row), "D", words or f", best of all rules{needs}"
    return None


def _columns(axis: Any, comparison: Comparison, host: str | None) -> str:
    """A column a solver and number of calls, every row a mark; lines through the optimum, the best on offer and karras."""
    objective, rows = _common(comparison), _plain_rows(comparison)
    rows = [row for row in rows if _positive(row, objective)]
    ticks: list[tuple[float, str]] = []
    places: dict[str, list[float]] = {}
    for solver in dict.fromkeys(row.solver for row in rows):
        own, first = [row for row in rows if row.solver == solver], ticks[-1][0] + 1.7 if ticks else 0.0
        calls = sorted({row.denoiser_calls for row in own})
        at = {n: first + k for k, n in enumerate(calls)}
        ticks += [(at[n], str(n)) for n in calls]
        places[solver] = list(at.values())
        for colour in dict.fromkeys(row_colour(row) for row in own):
            points = [(at[r.denoiser_calls], r.errors[objective]) for r in own if row_colour(r) == colour]
            axis.plot(*zip(*points, strict=True), "_", color=colour, markersize=9, markeredgewidth=0.9, alpha=0.8)
        budgets = [[r for r in own if r.denoiser_calls == n] for n in calls]
        offered = [row for group in budgets if (row := offered_best(group, comparison, host)) is not None]
        karras = [row for row in own if row.schedule == HABIT]
        optimum = [row for row in own if row.kind == "optimized"]
        for chosen, look, label in (
            (offered, {"color": palette.INK, "marker": "D", "markerfacecolor": "white", "linestyle": "--"}, _who(host)),
            (karras, {"color": palette.HABIT, "marker": "s", "linestyle": ":"}, HABIT),
            (optimum, {"color": palette.OWN, "marker": "o"}, "optimum"),
        ):  # fmt: skip
            line = sorted((at[r.denoiser_calls], r.errors[objective]) for r in chosen)
            told = label if label not in axis.get_legend_handles_labels()[1] else "_same"
            if line:
                size = 7 if label == _who(host) else 4.5
                axis.plot(*zip(*line, strict=True), **look, markersize=size, linewidth=1.1, zorder=3, label=told)
    _solver_names(axis, ticks, places)
    if axis.lines:
        log_axis(axis, "y")
        _fit(axis, comparison, objective)
    axis.set(xlabel="denoiser calls, by solver", ylabel=_with_unit(axis, objective, comparison, logarithmic=False))
    axis.grid(True, which="major", axis="y", color=palette.PALE, linewidth=0.7)
    return _title("Every row a mark", axis.get_ylim(), comparison)


def _solver_names(axis: Any, ticks: Sequence[tuple[float, str]], places: Mapping[str, Sequence[float]]) -> None:
    """Calls below the columns and solvers below those, in two lines where names are long."""
    if not ticks:
        return
    end = ticks[-1][0]
    # Letters that a column has room for.
    letters = (axis.figure.get_figwidth() - 1.5) / 0.075 / (end + 1.2)
    long = any(len(solver) + 1 > letters * (len(at) + 0.7) for solver, at in places.items())
    told = dict(ticks)
    for i, (solver, at) in enumerate(places.items()):
        middle = sum(at) / len(at)
        told[middle] = told.get(middle, "") + "\n" * (1 + (long and i % 2)) + plain(solver)
    # As many lines everywhere: numbers of one height.
    lines = max(text.count("\n") for text in told.values())
    axis.set_xticks(list(told), [text + "\n" * (lines - text.count("\n")) for text in told.values()], fontsize=8.5)
    axis.tick_params(axis="x", length=0)
    axis.set_xlim(-0.6, end + 0.6)
    for at in list(places.values())[1:]:
        axis.axvline(at[0] - 0.85, color=palette.PALE, linewidth=0.8, zorder=0)


def _title(text: str, ends: tuple[float, float], comparison: Comparison) -> str:
    """The text, and how many rows lie beyond the axis, with the worst."""
    objective = _common(comparison)
    drawn = [(value, row) for row in _plain_rows(comparison) if (value := row.errors[objective] or 0.0) > 0]
    beyond = [(value, row) for value, row in drawn if not min(ends) <= value <= max(ends)]
    if not beyond:
        return text
    value, row = max(beyond, key=lambda pair: pair[0])
    return f"{text}; {len(beyond)} off the scale, worst {shown_name(row)} {number(value)}"


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
