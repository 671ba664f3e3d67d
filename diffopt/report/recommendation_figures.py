"""Picture of a recommendation: what each solver costs at these calls, and where its steps go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffopt.report import palette
from diffopt.report.rankings import height, ranking
from diffopt.report.style import figure, flow_axis, level_row, log_axis, plain, setting, styled, titled
from diffopt.report.units import scale_in

#: Rows of the panel of errors.
MOST = 24
#: What its sentence says of a row that its error does not.
MARKS = ("fitted to this spectrum", "without its noise")


@styled
def recommendation_picture(data: Mapping[str, Any]) -> Any:
    """Errors of the solvers, the choice and the habit in colour; below them their noise levels."""
    rows = [row for row in data["rows"] if row["robust"] is not None]
    rows = sorted(rows, key=lambda row: row["robust"])
    names = {_name(row): row for row in rows}
    own = next((name for name, row in names.items() if row["verdict"] == "take"), next(iter(names)))
    habit = next((name for name, row in names.items() if row["habit"]), "")
    canvas, (above, below) = figure(9, [height(len(names))] * 2)
    errors = {name: row["robust"] for name, row in names.items()}
    ranking(above, errors, "robust", own, {habit: palette.HABIT}, MOST, scale_in(data))
    _levels(below, {name: row["sigmas"] for name, row in names.items()}, own, habit, data["process"]["name"] == "flow")
    calls = f"at most {data['calls']} denoiser call{'s' * (data['calls'] != 1)}"
    most = f"Robust error of each solver, on its optimized grid unless another is named, {calls}"
    titled(canvas, most + (f" in {data['host']}" if data["host"] else ""), data["spectrum"]["source"], setting(data))
    return canvas


def _name(row: Mapping[str, Any]) -> str:
    mark = next((f", {words}" for words in MARKS if words in row["sentence"]), "")
    noise = f", eta {row['eta']:.3g}" if row["eta"] else ""
    grid = "" if row["schedule"] == "optimized" else f", {row['schedule']}"
    return f"{row['solver']}, {row['steps']} step{'s' * (row['steps'] != 1)}{noise}{grid}{mark}"


def _levels(axis: Any, grids: Mapping[str, Any], own: str, habit: str, flow: bool) -> None:
    """A line of ticks a grid, on the scale of sigma; pure noise is a triangle at the edge."""
    levels = [s for grid in grids.values() for s in grid if s] or [1.0]
    log_axis(axis, "x", max(levels) * 1.4, min(levels) / 1.4)
    for i, (name, grid) in enumerate(grids.items()):
        level_row(axis, i, grid, palette.OWN if name == own else palette.HABIT if name == habit else palette.RIVAL)
    axis.set_yticks(range(len(grids)), [plain(name) for name in grids])
    if flow:
        flow_axis(axis)
    pure = "; triangles: pure noise" if any(grid[0] is None for grid in grids.values()) else ""
    pure += "; all go to 0 in the last step" if all(grid[-1] == 0 for grid in grids.values()) else ""
    for label, name in zip(axis.get_yticklabels(), grids, strict=True):
        label.set_color(palette.OWN if name == own else palette.HABIT if name == habit else palette.INK)
    axis.set(ylim=(len(grids) - 0.4, -0.6), xlabel=f"noise ratio sigma at each step, sampling runs to the right{pure}")
