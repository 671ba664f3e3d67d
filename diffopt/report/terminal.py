"""Rich tables for terminals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from diffopt.foundation.shown import visible
from diffopt.objectives.metrics import METRICS
from diffopt.report.churn import reference
from diffopt.report.rivals import compared_error
from diffopt.report.text import conditions, grid_rows, short, shown_eta


def to_terminal(renderable: RenderableType, width: int, colour: bool) -> str:
    """Text of a rich object at a given width."""
    console = Console(width=width, force_terminal=colour, color_system="auto" if colour else None, highlight=False)
    with console.capture() as capture:
        # What is wider is meant to be.
        console.print(renderable, crop=False)
    return capture.get()


#: Characters between two columns, and those that prose asks for before other columns go.
GAP, PROSE = 2, 18


def fitting(columns: Mapping[str, Sequence[str]], width: int, spare: Sequence[str] = (), prose: Sequence[str] = ()) -> list[str]:
    """Names of the columns that fit a width whole: those of `spare` go first, in its order; prose can wrap."""
    kept = list(columns)
    for name in spare:
        if taken({k: columns[k] for k in kept}, prose) <= width:
            break
        if name in kept:
            kept.remove(name)
    return kept


def taken(columns: Mapping[str, Sequence[str]], prose: Sequence[str] = ()) -> int:
    """Characters that columns take side by side, prose as little as it can."""
    need = {name: max([len(name), *map(len, cells)]) for name, cells in columns.items()}
    return sum(min(n, PROSE) if name in prose else n for name, n in need.items()) + GAP * (len(need) - 1)


def rows_table(
    rows: Sequence[Mapping[str, Any]], title: str | None = None, width: int | None = None, spare: Sequence[str] = (),
    prose: Sequence[str] = (),
) -> Table:  # fmt: skip
    """Table of rows with the same keys; numbers on the right and whole, text on the left and wrapped rather than cut.

    Parameters
    ----------
    rows : sequence of mappings
        Cells by column.
    title : str, optional
        Above the table.
    width : int, optional
        Of the terminal; columns of `spare` that do not fit are left out, in its order, and named below the table.
    spare, prose : sequence of str
        Columns that can go, and those of sentences, which wrap.
    """
    columns = {name: [visible(short(row[name])) for row in rows] for name in (rows[0] if rows else ())}
    kept = list(columns) if width is None else fitting(columns, width, spare, prose)
    gone = [name for name in columns if name not in kept]
    table = Table(
        title=title, title_justify="left", header_style="bold", box=None, pad_edge=False, caption_justify="left",
        caption=left_out(gone) if gone else None,
    )  # fmt: skip
    # Names are broken over lines only where nothing else is left.
    whole = width is None or taken({name: columns[name] for name in kept}, prose) <= width
    for name in kept:
        text = name != "sigma" and any(isinstance(row[name], str) for row in rows)
        steady = not text or (whole and name not in prose)
        table.add_column(name, justify="left" if text else "right", overflow="fold", no_wrap=steady)
    for i in range(len(rows)):
        table.add_row(*(Text(columns[name][i]) for name in kept))
    return table


def left_out(columns: Sequence[str]) -> str:
    """What is said of columns that did not fit."""
    return f"left out at this width: {', '.join(columns)} (csv and json have all)"


#: Where the first sentence of an answer ends.
SENTENCE = re.compile(r"\.(?= [A-Z])")
#: How answers begin that hold a command or flags: broken over lines, they would not survive being pasted.
PASTED = ("EDM: ", "EDM, with churn: ", "Its grid: ", "As a schedule: ")


def headed(view: RenderableType, lines: Sequence[str]) -> RenderableType:
    """A view below lines of what it is, the first in bold."""
    return Group(*(Text(visible(line), style="" if i else "bold") for i, line in enumerate(lines)), Text(), view)


def with_answers(view: RenderableType, answers: Sequence[str]) -> RenderableType:
    """A view with its answers below, the first sentence in bold."""
    return Group(view, Text(), *(_answer(line, not i) for i, line in enumerate(answers))) if answers else view


def _answer(line: str, first: bool) -> Text:
    whole = line.startswith(PASTED)
    text = Text(line, no_wrap=whole, overflow="ignore" if whole else None)
    if first:
        end = SENTENCE.search(line)
        text.stylize("bold", 0, len(line) if end is None else end.end())
    return text


def run_view(document: Mapping[str, Any]) -> RenderableType:
    """Summary, grid and baselines of a schedule or evaluation document."""
    parts: list[RenderableType] = [Text(visible(_headline(document)), style="bold"), Text(visible(_conditions(document))), Text()]
    rows = grid_rows({**document, "eta": shown_eta(document)})
    if all(row.get("time") in (row["sigma"], row.get("timestep", row["sigma"])) for row in rows[:-1]):
        # The time of ve is the noise ratio, that of a trained model its timestep.
        rows = [{k: v for k, v in row.items() if k != "time"} for row in rows]
    parts.append(rows_table(rows))
    parts.append(Text())
    parts.append(rows_table(score_rows(document)))
    reasons = {k: v for k, v in (document["errors"].get("reasons") or {}).items() if not METRICS[k].noise_only}
    parts += [Text(visible(f"{name}: {reason}"), style="dim") for name, reason in reasons.items()]
    return Group(*parts)


def _headline(document: Mapping[str, Any]) -> str:
    name = document["objective"]["name"] if "objective" in document else document.get("schedule") or "grid"
    verb = "optimized for" if "objective" in document else "evaluated:"
    return f"{document['solver']}, {document['steps']} steps, {document['denoiser_calls']} denoiser calls, {verb} {name}"


def _conditions(document: Mapping[str, Any]) -> str:
    spectrum = document["spectrum"]
    said = f", clock {document['clock']}" if document["clock"] else ""
    said += f", score error {document['score_error']}" if document.get("score_error") else ""
    said += f", eta in the sense of {document['eta_meaning']}" if document.get("eta_meaning") else ""
    return (
        f"process {conditions(document)}{said}; spectrum {spectrum['source']}, dim {spectrum['dim']:g}, "
        f"trace {spectrum['trace']:.4g}, max {spectrum['max']:.4g}"
    )


def score_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Errors of the grid and, the best first, of its baselines; equal ones stand in one row."""
    goal = compared_error(document, "robust")
    names = tuple(dict.fromkeys(("frechet", "kl", "robust", goal)))
    label = "optimized" if "objective" in document else document.get("schedule") or "this grid"
    rows = [{"schedule": label, **{n: document["errors"][n] for n in names}}]
    merged: dict[tuple[float | None, ...], list[str]] = {}
    for name, part in (document.get("baselines") or {}).items():
        if name != label:
            # Equal to rounding is the same grid under two names.
            same = tuple(None if part[n] is None else float(f"{part[n]:.9g}") for n in names)
            merged.setdefault(same, []).append(name)
    ranked = sorted(merged, key=lambda values: values[-1] if values[-1] is not None else 1e300)
    labels = {values: " = ".join(reference(name, document) for name in same) for values, same in merged.items()}
    return rows + [{"schedule": labels[v], **dict(zip(names, v, strict=True))} for v in ranked]
