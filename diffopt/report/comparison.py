"""A comparison as a document, as flat rows, as a terminal table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from diffopt import __version__
from diffopt.documents.schemas import ComparisonDocument, ComparisonRow, ProcessPart, SpectrumPart, dump
from diffopt.report.text import short
from diffopt.schedules import SCHEDULES
from diffopt.studies.comparison.comparison import Comparison, Row
from diffopt.studies.comparison.selection import group_key

#: Columns of a flat row that are numbers of the comparison itself.
NUMBERS = ("frechet", "kl", "robust", "ratio", "held_out_worst")


def document(comparison: Comparison, command: str) -> dict[str, Any]:
    """Plain data of `diffopt.comparison/1`."""
    setting, s = comparison.setting, comparison.setting.spectrum
    process = ProcessPart(
        name=setting.process.name, sigma_max=_finite(comparison.sigma_max), sigma_min=comparison.sigma_min,
        **setting.process.parameters(), **setting.process.origin(),
    )  # fmt: skip
    wrong = None if setting.error is None else setting.error.text or "function"
    spectrum = SpectrumPart(source=s.source, sha256=s.sha256, dim=s.dim, trace=s.trace, max=s.max, clipped=s.clipped)
    return dump(
        ComparisonDocument(
            command=command, objective=setting.objective, process=process, start=setting.start, end=setting.end,
            score_error=wrong, equal_steps=setting.equal_steps,
            spectrum=spectrum, rows=[_row(r) for r in comparison.rows],
            skipped=comparison.skipped, diffopt_version=__version__,
        )
    )  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _row(row: Row) -> ComparisonRow:
    return ComparisonRow(
        schedule=row.schedule, kind=row.kind, design=row.design, solver=row.solver, clock=row.clock, budget=row.budget,
        steps=row.steps, denoiser_calls=row.denoiser_calls, **row.errors, ratio=row.ratio, held_out=row.held_out,
        held_out_worst=row.held_out_worst, best=row.best, other_range=row.other_range,
        sigmas=[_finite(float(v)) for v in row.sigmas],
        eta=[float(v) for v in row.eta], reasons=row.reasons,
    )  # fmt: skip


def flat_rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows without lists, for csv and markdown."""
    rows = []
    for row in data["rows"]:
        flat = {k: v for k, v in row.items() if k not in ("held_out", "sigmas", "eta", "reasons", "other_range")}
        rows.append(flat | {f"held_out_{k}": v for k, v in row["held_out"].items()})
    return rows


def merged(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of one group with equal grids as one row, the other names under `aliases`."""
    found: list[dict[str, Any]] = []
    known = list(SCHEDULES)
    # The name that stands first in the table of names is the row's, however rounding orders equal errors.
    for row in sorted(rows, key=lambda r: known.index(r["schedule"]) if r["schedule"] in known else len(known)):
        twin = next((other for other in found if _same_run(row, other)), None)
        if twin is None:
            found.append({**row, "aliases": []})
        else:
            twin["aliases"].append(row["design"] or row["schedule"])
            twin["best"] |= row["best"]
    return found


def _same_run(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Equal to rounding in everything that is run; the optimized row keeps a line of its own."""
    if any(one[k] != other[k] for k in ("solver", "clock")) or "optimized" in (one["kind"], other["kind"]):
        return False
    ours, theirs = ([*row["sigmas"], *row["eta"]] for row in (one, other))
    return len(ours) == len(theirs) and all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9))
        for a, b in zip(ours, theirs, strict=True)
    )


def shown_name(row: Row) -> str:
    """Schedule, or the noise design on its schedule."""
    return row.schedule if row.design is None else row.design


def view(comparison: Comparison, width: int, mixed: bool = False) -> RenderableType:
    """One table per group (or of all rows): the best published rows marked with *."""
    parts: list[RenderableType] = [Text(_headline(comparison), style="bold")]
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in comparison.rows:
        groups.setdefault(group_key(row), []).append(row)
    if mixed:
        groups = {("all rows",): list(comparison.rows)}
    for key, rows in groups.items():
        parts += [Text(), _table(key, rows, width)]
    objective = comparison.setting.objective
    marks = f"* best published {objective} of its group; ratio = {objective} over the optimized row's"
    parts.append(Text(marks, "dim"))
    if any(row.other_range for row in comparison.rows):
        parts.append(Text("~ fills another range and solves another problem than its group", "dim"))
    parts.append(Text("held_out: largest frechet on the spectrum scaled, tilted, blurred by 20 %", "dim"))
    if comparison.skipped:
        parts.append(Text(f"{len(comparison.skipped)} rows have no meaning here (json says why)", "dim"))
    return Group(*parts)


def _headline(comparison: Comparison) -> str:
    s, setting = comparison.setting.spectrum, comparison.setting
    top = "pure noise" if math.isinf(comparison.sigma_max) else f"{comparison.sigma_max:g}"
    wrong = "" if setting.error is None else f", score error {setting.error.text or 'function'}"
    return (
        f"{s.source}, dim {s.dim:g}; process {setting.process.name}, sigma {top} to {comparison.sigma_min:g}, "
        f"end {setting.end}, start {setting.start}{wrong}"
    )


def _table(key: tuple[object, ...], rows: Sequence[Row], width: int) -> Table:
    mixed = key == ("all rows",)
    table = Table(
        title=None if mixed else _title(key, rows), title_justify="left", title_style="bold",
        header_style="bold", box=None, pad_edge=False,
    )  # fmt: skip
    columns = _columns(rows, mixed, width)
    for name, cells in columns.items():
        left = name in ("", "schedule", "kind", "solver")
        table.add_column(name, justify="left" if left else "right", no_wrap=True, min_width=1 if cells else None)
    for i, row in enumerate(rows):
        style = "bold green" if row.kind == "optimized" else "bold" if row.best else None
        table.add_row(*(cells[i] for cells in columns.values()), style=style)
    return table


def _columns(rows: Sequence[Row], mixed: bool, width: int) -> dict[str, list[str]]:
    """Columns that fit: the text beside names and numbers goes first where there is no room."""
    columns = {"": ["*" if r.best else "~" if r.other_range else "" for r in rows], "schedule": [shown_name(r) for r in rows]}
    columns |= {"kind": [r.kind for r in rows], "solver": [r.solver for r in rows]}
    columns |= {"steps": [str(r.steps) for r in rows], "calls": [str(r.denoiser_calls) for r in rows]}
    if not mixed:
        # What the title says already.
        columns = {k: v for k, v in columns.items() if k not in ("solver", "steps", "calls") or len(set(v)) > 1}
    for name in NUMBERS:
        values = [r.errors[name] if name in r.errors else getattr(r, name) for r in rows]
        columns[name.removesuffix("_worst")] = [short(v) for v in values]
    spare = ("kind", "steps", "calls") if mixed else ("calls", "steps", "solver", "kind")
    for name in spare:
        taken = sum(max(map(len, [head, *cells])) for head, cells in columns.items()) + 2 * (len(columns) - 1)
        if taken > width:
            columns.pop(name, None)
    return columns


def _title(key: tuple[object, ...], rows: Sequence[Row]) -> str:
    steps, calls = sorted({r.steps for r in rows}), sorted({r.denoiser_calls for r in rows})
    what = "noise designs" if key[0] == "stochasticity" else str(key[0])
    return f"{what}, {_list(calls)} denoiser calls, {_list(steps)} steps"


def _list(numbers: Sequence[int]) -> str:
    return " or ".join(map(str, numbers))
