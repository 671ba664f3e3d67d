"""Rich tables for terminals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from diffopt.foundation.shown import visible
from diffopt.objectives.metrics import METRICS
from diffopt.report.text import grid_rows, short


def to_terminal(renderable: RenderableType, width: int, colour: bool) -> str:
    """Text of a rich object at a given width."""
    console = Console(width=width, force_terminal=colour, color_system="auto" if colour else None, highlight=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def rows_table(rows: Sequence[Mapping[str, Any]], title: str | None = None) -> Table:
    """Table of rows with the same keys; numbers on the right."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) and name != "sigma" else "right")
    for row in rows:
        table.add_row(*(Text(visible(short(v))) for v in row.values()))
    return table


def with_answers(view: RenderableType, answers: Sequence[str]) -> RenderableType:
    """A view with its answers below, in bold."""
    return Group(view, Text(), *(Text(line, style="bold") for line in answers)) if answers else view


def run_view(document: Mapping[str, Any]) -> RenderableType:
    """Summary, grid and baselines of a schedule or evaluation document."""
    parts: list[RenderableType] = [Text(visible(_headline(document)), style="bold"), Text(visible(_conditions(document))), Text()]
    parts.append(rows_table(grid_rows(document)))
    parts.append(Text())
    parts.append(rows_table(_score_rows(document)))
    reasons = {k: v for k, v in (document["errors"].get("reasons") or {}).items() if not METRICS[k].noise_only}
    parts += [Text(visible(f"{name}: {reason}"), style="dim") for name, reason in reasons.items()]
    return Group(*parts)


def _headline(document: Mapping[str, Any]) -> str:
    name = document["objective"]["name"] if "objective" in document else document.get("schedule") or "grid"
    verb = "optimized for" if "objective" in document else "evaluated:"
    return f"{document['solver']}, {document['steps']} steps, {document['denoiser_calls']} denoiser calls, {verb} {name}"


def _conditions(document: Mapping[str, Any]) -> str:
    process, spectrum = document["process"], document["spectrum"]
    top = "pure noise" if process["sigma_max"] is None else f"{process['sigma_max']:g}"
    clock = f", clock {document['clock']}" if document["clock"] else ""
    return (
        f"process {process['name']}, sigma {top} to {process['sigma_min']:g}, end {document['end']}, "
        f"start {document['start']}{clock}; spectrum {spectrum['source']}, dim {spectrum['dim']:g}, "
        f"trace {spectrum['trace']:.4g}, max {spectrum['max']:.4g}"
    )


def _score_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = ("frechet", "kl", "robust")
    label = "optimized" if "objective" in document else document.get("schedule") or "this grid"
    rows = [{"schedule": label, **{n: document["errors"][n] for n in names}}]
    baselines = document.get("baselines", {})
    order = sorted(baselines, key=lambda k: baselines[k]["robust"] if baselines[k]["robust"] is not None else 1e300)
    return rows + [{"schedule": k, **{n: baselines[k][n] for n in names}} for k in order]
