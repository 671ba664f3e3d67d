"""Rows with sentences in them: a table where every word fits whole, else a paragraph a row."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from diffopt.foundation.shown import visible
from diffopt.report.terminal import GAP, fitting
from diffopt.report.text import short

#: Least characters of a column of sentences: narrower ones are no lines to read.
NARROW = 18


def listed(
    rows: Sequence[Mapping[str, Any]], title: str, width: int, spare: Sequence[str], prose: Sequence[str]
) -> RenderableType:
    """Rows under a title; columns of `spare` can go, those of `prose` wrap between words."""
    columns = {name: [visible(short(row[name])) for row in rows] for name in rows[0]}
    kept = {name: columns[name] for name in fitting(columns, width, spare, prose)}
    widths = _widths(kept, width, prose)
    if widths is None:
        return Group(Text(title, style="italic"), *(_record(columns, i, width, prose) for i in range(len(rows))))
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name, size in widths.items():
        number = not any(isinstance(row[name], str) for row in rows)
        table.add_column(name, justify="right" if number else "left", overflow="fold", width=size)
    for i in range(len(rows)):
        table.add_row(*(Text(cells[i]) for cells in kept.values()))
    return table


def _widths(columns: Mapping[str, Sequence[str]], width: int, prose: Sequence[str]) -> dict[str, int] | None:
    """Characters of each column with every word whole; None where there are too few."""
    full = {name: max([len(name), *map(len, cells)]) for name, cells in columns.items()}
    least = dict(full)
    for name in set(columns) & set(prose):
        words = [len(word) for cell in columns[name] for word in cell.split()]
        least[name] = min(full[name], max([len(name), NARROW, *words]))
    room = width - GAP * (len(columns) - 1) - sum(least.values())
    if room < 0:
        return None
    wish = {name: full[name] - least[name] for name in columns}
    total = sum(wish.values())
    return {name: least[name] + (min(wish[name], room * wish[name] // total) if total else 0) for name in columns}


def _record(columns: Mapping[str, Sequence[str]], i: int, width: int, prose: Sequence[str]) -> Text:
    """The first cell with the short ones beside it, and the sentences below it under their names."""
    (_, first), *others = columns.items()
    said = [(name, cells[i]) for name, cells in others if cells[i] not in ("", "-")]
    short = ", ".join(f"{name} {cell}" for name, cell in said if name not in prose)
    lines = _wrapped(f"{first[i]} ({short})" if short else first[i], width, "")
    for name, cell in said:
        lines += _wrapped(cell if name == "summary" else f"{name}: {cell}", width, "  ") if name in prose else []
    return Text("\n".join(lines))


def _wrapped(line: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        line, width, initial_indent=indent, subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False
    )
