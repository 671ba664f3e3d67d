"""Tables and lines of a rich object as HTML, with the same columns: what a notebook shows."""

from __future__ import annotations

from html import escape
from typing import Any


def as_html(view: Any) -> str:
    """Tables as tables, everything else as a paragraph; nothing of empty lines."""
    if hasattr(view, "renderables"):
        return "".join(map(as_html, view.renderables))
    if not hasattr(view, "columns"):
        line = str(view)
        tag = "pre" if "\n" in line else "p"
        return f"<{tag}>{escape(line)}</{tag}>" if line.strip() else ""
    cells = [list(column.cells) for column in view.columns]
    head = "".join(f"<th>{escape(str(column.header))}</th>" for column in view.columns)
    lines = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in zip(*cells, strict=True))
    rows = "".join(f"<tr>{line}</tr>" for line in lines)
    title = f"<p>{escape(str(view.title))}</p>" if view.title else ""
    return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
