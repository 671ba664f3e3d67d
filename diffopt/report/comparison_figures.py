"""Pictures of a comparison: where the steps go, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffopt.report import palette
from diffopt.report.comparison_errors import draw_errors, errors_height, row_colour, row_errors
from diffopt.report.rivals import joined
from diffopt.report.style import board, counted, density, first_root, legend_above, level_row, log_axis, plain, styled, titled
from diffopt.schedules import HABIT
from diffopt.studies.comparison.comparison import Comparison
from diffopt.studies.comparison.row import Row, shown_name
from diffopt.studies.comparison.selection import group_key

#: Marks of a row's kind beside its colour, and what they mean.
_KIND_MARKS = {
    "fixed": "", "table": "table ", "spectrum": "spectrum ", "stochasticity": "noise ", "added": "yours ", "optimized": "",
}  # fmt: skip
_MEANING = {
    "optimized": "orange: the optimum", "fixed": "grey: rules that need no data (karras blue)",
    "spectrum": "green, spectrum: computed from this one", "table": "purple, table: numbers made for other models",
    "stochasticity": "ochre, noise: noise designs", "added": "wine, yours: --add",
}  # fmt: skip
#: Grids drawn in a group that stands alone, in one of several, and groups drawn at most.
ALONE, SHARED, GROUPS = 30, 7, 12
SHADES = "shades behind the grids: sqrt(eigenvalue), blue by number of directions, sand by variance"


def groups(comparison: Comparison) -> list[list[Row]]:
    """Rows by solver and budget, the optimized one first, then by the error that tells them apart."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in [r for r in comparison.rows if r.design is None] or comparison.rows:
        found.setdefault(group_key(row), []).append(row)

    return [_ranked(rows, row_errors(rows, comparison)) for rows in found.values()]


def _ranked(rows: list[Row], error: str) -> list[Row]:
    return sorted(rows, key=lambda row: (row.kind != "optimized", np.inf if (value := row.errors[error]) is None else value))


def key(comparison: Comparison) -> str:
    """What the colours and the words before the names say, of the kinds that occur."""
    kinds = {row.kind for rows in groups(comparison) for row in rows}
    return "; ".join(text for kind, text in _MEANING.items() if kind in kinds)


@styled
def picture(comparison: Comparison, *titles: str, host: str | None = None) -> Any:
    """Figure with the grids of every group and the errors; `titles` are the data and the conditions."""
    shown = groups(comparison)
    drawn, most = shown[:GROUPS], drawn_rows(comparison)
    canvas, axes = board(9.5, [grids_height(group, most) for group in drawn], errors_height(comparison))
    for axis, group in zip(axes, drawn, strict=False):
        axis.set_title(draw_grids(axis, group, comparison, most))
    axes[-1].set_title(draw_errors(axes[-1], comparison, host))
    if axes[-1].get_legend_handles_labels()[0]:
        legend_above(axes[-1], 3)
    if len(shown) > len(drawn):
        canvas.supxlabel(f"{len(shown) - len(drawn)} more groups are in the table", fontsize=8, color=palette.RIVAL)
    if titles:
        titled(canvas, "Step grids compared", *titles, key(comparison), SHADES)
    return canvas


def drawn_rows(comparison: Comparison) -> int:
    """Grids drawn of a group."""
    return ALONE if len(groups(comparison)) < 2 else SHARED


def grids_height(group: Sequence[Row], most: int) -> float:
    """Inches of a panel of grids."""
    return 0.9 + 0.19 * max(min(len(group), most + 1), 3)


def _distinct(rows: list[Row], width: int) -> list[tuple[Row, str]]:
    """Rows of different grids, each with its names: three of them, or those that `width` holds, and how many more there are."""
    found: list[tuple[Row, list[str]]] = []
    for row in rows:
        same = next((names for other, names in found if _same(row, other)), None)
        if same is None:
            found.append((row, [shown_name(row)]))
        else:
            same.append(shown_name(row))
    return [(row, joined(names, width)) for row, names in found]


def _same(one: Row, other: Row) -> bool:
    if "optimized" in (one.kind, other.kind) or one.sigmas.shape != other.sigmas.shape:
        return False
    return np.allclose(one.sigmas, other.sigmas, rtol=1e-9, atol=0) and np.allclose(one.eta, other.eta)


def draw_grids(axis: Any, rows: list[Row], comparison: Comparison, most: int, width: int = 34) -> str:
    """A line of ticks per schedule over the density of sqrt(eig), karras always among them; returns the title.

    `width` is the room for names of equal grids, in characters.
    """
    named = all_named = _distinct(rows, width)
    named = named[:most] + [(r, n) for r, n in named[most:] if r.schedule == HABIT or r.kind == "added"]
    group = [row for row, _ in named]
    finite = [r.sigmas[np.isfinite(r.sigmas) & (r.sigmas > 0)] for r in group]
    spectrum, bottom = comparison.setting.spectrum, len(group) - 0.4
    root = np.sqrt(np.maximum(spectrum.eig, 0))
    # From where the data begin or a grid does, as beside one grid.
    low = min([*(float(s.min()) for s in finite if s.size), first_root(spectrum)]) / 1.4
    high = max([*(float(s.max()) for s in finite if s.size), float(root.max())]) * 1.4
    log_axis(axis, "x", high, low)
    keep = root >= low
    density(axis, root[keep], spectrum.weight[keep], low, high, -(len(group) + 0.2), bottom)
    for i, row in enumerate(group):
        level_row(axis, i, row.sigmas.tolist(), row_colour(row), 7, 1.4)
    objective = row_errors(rows, comparison)
    axis.set_yticks(range(len(group)), [_label(row, name, objective) for row, name in named], fontsize=7.5)
    for text, row in zip(axis.get_yticklabels(), group, strict=True):
        text.set_color(row_colour(row))
    axis.set_ylim(bottom, -0.6)
    hidden = len(all_named) - len(group)
    more = f"; {counted(hidden, 'worse one')} not drawn" if hidden else ""
    gap = hidden > 0 and len(group) > most
    if gap:
        # What stands below is drawn out of its rank.
        axis.axhline(most - 0.5, color=palette.INK, linewidth=1.1, linestyle=(0, (1, 2.5)))
    pure = any(np.isinf(row.sigmas[0]) for row in group)
    ends = {float(row.sigmas[-1]) == 0 for row in group} == {True}
    marks = "; ".join(["triangles: pure noise"] * pure + ["all go to 0 in the last step"] * ends + ["dots: rows left out"] * gap)
    axis.set_xlabel("\n".join(["sigma, sampling runs to the right", *[marks] * bool(marks)]), fontsize=8)
    return f"{group[0].solver}, {counted(group[0].denoiser_calls, 'call')}: grids by {objective}{more}"


def _label(row: Row, name: str, objective: str) -> str:
    value = row.errors[objective]
    return plain(f"{_KIND_MARKS[row.kind]}{name}  {'-' if value is None else format(value, '.3g')}")
