"""Pictures of the page: small enough for a phone, in colours of the page, light or dark."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any

from diffopt.report import style
from diffopt.report.comparison_errors import draw_errors, errors_height
from diffopt.report.comparison_figures import GROUPS, draw_grids, drawn_rows, grids_height, groups
from diffopt.report.palette import DARK
from diffopt.report.picture_file import in_words
from diffopt.studies.comparison.comparison import Comparison

#: Inches of a picture: at the width of a phone its letters are as large as those of the table.
WIDTH = 4.8
#: Letters that a name of a grid may take, and names of lines that stand in two columns.
NAME, SHORT = 26, 33


def errors_picture(comparison: Comparison) -> str:
    """What the rows cost."""
    return f'<div class="pictures one">{_drawn(comparison, None)}</div>'


def grids_pictures(comparison: Comparison) -> str:
    """Where the steps go, a picture a group."""
    count = len(groups(comparison))
    pictures = "".join(_drawn(comparison, i) for i in range(min(count, GROUPS)))
    more = f'<p class="soft">{count - GROUPS} more groups are in the tables.</p>' if count > GROUPS else ""
    return f'<div class="pictures{_columns(count)}">{pictures}</div>{more}'


def _columns(count: int) -> str:
    """Class of the pictures: no row of one below rows of more, where two columns mend that."""
    return " one" if count == 1 else " two" if count in (2, 4) else ""


def _drawn(comparison: Comparison, group: int | None) -> str:
    canvas, title = _figure(comparison, group)
    name = "errors" if group is None else f"grids-{group}"
    said = "What every row costs, on a logarithmic axis" if group is None else "A line of levels for each grid, the best on top"
    drawing = in_words(_svg(canvas, name), title, f"{said}; the tables hold the numbers.", name)
    return f"<figure><figcaption>{escape(title)}</figcaption>{drawing}</figure>"


@style.styled
def _figure(comparison: Comparison, group: int | None) -> tuple[Any, str]:
    """Errors, or the grids of a group, with the words above."""
    if group is not None:
        rows, most = groups(comparison)[group], drawn_rows(comparison)
        canvas, (axis,) = style.figure(WIDTH, [grids_height(rows, most)], "--html")
        return canvas, draw_grids(axis, rows, comparison, most, NAME)
    canvas, (axis,) = style.figure(WIDTH, [errors_height(comparison)], "--html")
    title = draw_errors(axis, comparison)
    names = axis.get_legend_handles_labels()[1]
    if names:
        # Below the axis, where a phone has room; the figure grows by the rows of names.
        columns = 2 if max(map(len, names)) <= SHORT else 1
        canvas.set_figheight(canvas.get_figheight() + 0.17 * -(-len(names) // columns) + 0.3)
        canvas.legend(loc="outside lower left", ncol=columns, fontsize=7.5, columnspacing=1.0)
    return canvas, title


def _svg(canvas: Any, salt: str) -> str:
    """Inline SVG whose colours are the page's; the same figure gives the same text."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": f"diffopt-{salt}", "svg.fonttype": "none"}):
        canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return re.sub(r"(fill|stroke): #([0-9a-f]{6})\b", r"\1: var(--p-\2)", text[text.index("<svg") :])


def colours() -> str:
    """Style sheet of the colours, for both themes."""
    light = " ".join(f"{_name(colour)}: {colour.lower()};" for colour in DARK)
    dark = " ".join(f"{_name(colour)}: {other};" for colour, other in DARK.items())
    return (
        f":root {{ {light} }}\n:root[data-theme=dark] {{ {dark} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ {dark} }} }}\n"
    )


def _name(colour: str) -> str:
    return "--p-" + colour.lower().lstrip("#")
