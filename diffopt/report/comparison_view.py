"""A comparison on a terminal: a table a group, in columns that fit whole."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from diffopt.foundation.shown import visible
from diffopt.report.comparison import bare, merged, namesakes, optimum_notes
from diffopt.report.comparison_answers import grouped, named, row_errors, shown_error, taken
from diffopt.report.plain_data import PlainRows
from diffopt.report.terminal import fitting, left_out
from diffopt.report.terminal import taken as width_taken
from diffopt.report.text import conditions, short

#: Numbers of a row by heading.
NUMBERS = {
    "frechet": "frechet", "kl": "kl", "robust": "robust", "robust_steps": "robust_steps", "ratio": "ratio",
    "held_out": "held_out_worst",
}  # fmt: skip
#: What goes first where there is no room; the objective, the ratio and the name stay.
SPARE = ("kind", "calls", "steps", "held_out", "kl", "frechet", "robust", "solver")


def view(data: Mapping[str, Any], width: int, mixed: bool = False) -> RenderableType:
    """One table per group (or of all rows), equal grids in one row, with marks and what they mean."""
    parts: list[RenderableType] = [Text(visible(_headline(data)), style="bold")]
    groups = {("all rows", 0): list(data["rows"])} if mixed else grouped(data["rows"])
    gone: list[str] = []
    for (solver, _), rows in groups.items():
        table, without = _table(None if mixed else _title(solver, rows), merged(rows), data, width)
        parts += [Text(), table]
        gone += [name for name in without if name not in gone]
    return Group(*parts, *(Text(line, "dim") for line in _legend(data, gone)))


def _headline(data: Mapping[str, Any]) -> str:
    s = data["spectrum"]
    wrong = f", score error {data['score_error']}" if data["score_error"] else ""
    return f"{s['source']}, dim {s['dim']:g}; process {conditions(data)}{wrong}"


def _legend(data: Mapping[str, Any], gone: Sequence[str]) -> list[str]:
    rows, host, objective = data["rows"], data["host"], row_errors(data)
    lines = [
        "> the row to take, as the sentence below says",
        f"* smallest {objective} of its group beside the optimized row; ratio = {objective} over the optimized row's",
    ]
    lines += optimum_notes(data)
    if any(bare(row, host) for row in rows):
        who = "no program offers" if host is None else f"{host} does not offer"
        lines.append(f"# {who} it by name: it goes in as numbers (evaluate --schedule NAME -o FILE, export FILE)")
        lines += namesakes(rows, host, data["process"]["name"])
    if any(row["other_range"] for row in rows):
        lines.append("~ fills another range and solves another problem than its group")
    if "held_out" not in gone:
        lines.append("held_out: largest frechet on the spectrum scaled, tilted, blurred by 20 %")
    if gone:
        lines.append(left_out(gone))
    if data["skipped"]:
        lines.append(f"{len(data['skipped'])} rows have no meaning here (json says why)")
    return lines


def _table(title: str | None, rows: PlainRows, data: Mapping[str, Any], width: int) -> tuple[Table, list[str]]:
    """A group's table, and the columns that found no room."""
    objective = shown_error(data, rows)
    columns = _columns(rows, data, title is None, objective)
    spare = [name for name in SPARE if name not in (objective, *(("solver",) if title is None else ()))]
    # Names of equal grids can wrap; a name alone is broken only where nothing else is left.
    kept = fitting(columns, width, spare, ("schedule",))
    whole = width_taken({name: columns[name] for name in kept}, ("schedule",)) <= width
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for name in kept:
        text = name in ("", "schedule", "kind", "solver")
        steady = not text or (whole and name != "schedule")
        table.add_column(name, justify="left" if text else "right", overflow="fold", no_wrap=steady)
    for i, row in enumerate(rows):
        style = "bold green" if row["kind"] == "optimized" else "bold" if row["best"] else None
        table.add_row(*(columns[name][i] for name in kept), style=style)
    return table, [name for name in columns if name not in kept]


def _columns(rows: PlainRows, data: Mapping[str, Any], mixed: bool, objective: str) -> dict[str, list[str]]:
    """Cells by heading; what the title says already is no column."""
    chosen = taken(data)
    columns = {
        "": [_marks(r, data["host"], chosen) for r in rows],
        "schedule": [visible(" = ".join([r["design"] or r["schedule"], *r["aliases"]])) for r in rows],
        "kind": [r["kind"] for r in rows], "solver": [r["solver"] for r in rows],
        "steps": [str(r["steps"]) for r in rows], "calls": [str(r["denoiser_calls"]) for r in rows],
    }  # fmt: skip
    if not mixed:
        columns = {k: v for k, v in columns.items() if k not in ("solver", "steps", "calls") or len(set(v)) > 1}
    numbers = {name: key for name, key in NUMBERS.items() if name != "robust_steps" or objective == "robust_steps"}
    return columns | {name: [short(r[key]) for r in rows] for name, key in numbers.items()}


def _marks(row: Mapping[str, Any], host: str | None, chosen: Container[tuple[str, str, int]]) -> str:
    """The row to take, the best beside the optimum, another range, numbers alone."""
    _, solver, budget = named(row)
    found = any((name, solver, budget) in chosen for name in (named(row)[0], *row["aliases"]))
    marks = {">": found, "*": row["best"], "~": row["other_range"], "#": bare(row, host)}
    return "".join(mark for mark, holds in marks.items() if holds)


def _title(solver: str, rows: PlainRows) -> str:
    steps, calls = sorted({r["steps"] for r in rows}), sorted({r["denoiser_calls"] for r in rows})
    return f"{solver}, {_list(calls)} denoiser calls, {_list(steps)} steps"


def _list(numbers: Sequence[int]) -> str:
    return " or ".join(map(str, numbers))
