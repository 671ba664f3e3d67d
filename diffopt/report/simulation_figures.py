"""Picture of a simulation: distances to the fine run and to independent data over denoiser calls, with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from diffopt.report import palette
from diffopt.report.palette import LINES, MARKERS, PALE
from diffopt.report.plain_data import PlainData
from diffopt.report.style import figure, log_axis, plain, setting, styled, titled
from diffopt.schedules import HABIT

#: Truths, and how the axis calls the distance to each.
TRUTHS = {"limit": "frechet distance to the fine run", "data": "frechet distance to the data"}
#: What stands behind each target, and in whose units its distances are.
TARGETS = {
    "samples": ("the density of samples", "units of the samples"), "mixture": ("a Gaussian mixture", "units of the mixture"),
    "denoiser": ("a denoiser", "units of the denoiser"), "target": ("a density of one's own", "units of the density"),
}  # fmt: skip


@styled
def simulation_picture(data: Mapping[str, Any]) -> Any:
    """A panel a truth; a line a schedule and solver, bars are 95 % intervals; dotted: what the fine run itself has."""
    truths = [name for name in TRUTHS if any(_measured(row, name) for row in data["rows"])]
    canvas, axes = figure(9, [3.2] * max(1, len(truths)))
    if not truths:
        axes[0].text(0.5, 0.5, "no distance is finite", ha="center", va="center")
        axes[0].set_axis_off()
    for axis, truth in zip(axes, truths, strict=False):
        _panel(axis, data, truth)
    target = data["target"]
    what = f"{data['samples']} samples simulated from {TARGETS[target['kind']][0]}"
    titled(canvas, what, target["source"] or "", setting(data))
    return canvas


def _panel(axis: Any, data: Mapping[str, Any], truth: str) -> None:
    lines: dict[tuple[str, str], list[PlainData]] = {}
    for row in data["rows"]:
        if _measured(row, truth):
            lines.setdefault((row["schedule"], row["solver"]), []).append(row)
    schedules = list(dict.fromkeys(name for name, _ in lines))
    solvers = list(dict.fromkeys(solver for _, solver in lines))
    for (schedule, solver), rows in lines.items():
        rows = sorted(rows, key=lambda row: row["denoiser_calls"])
        # Lines of equal calls stand beside each other, so that no interval hides another.
        beside = [key for key in lines if key[1] == solver]
        place = 1.012 ** (beside.index((schedule, solver)) - (len(beside) - 1) / 2)
        x = place * np.array([row["denoiser_calls"] for row in rows], dtype=float)
        value, low, high = (np.array([row[truth]["frechet"][k] for row in rows]) for k in ("value", "low", "high"))
        spread = [np.minimum(value - np.maximum(low, 0.02 * value), value), np.maximum(high - value, 0)]
        colour = _colour(schedules, schedule)
        axis.errorbar(x, value, yerr=np.maximum(spread, 0), color=colour, marker=MARKERS[solvers.index(solver) % 8], markersize=5,
                      linewidth=1.3, linestyle="-" if solvers.index(solver) % 2 == 0 else "--", capsize=2.5,
                      label=plain(f"{schedule}, {solver}"))  # fmt: skip
    log_axis(axis, "y")
    calls = sorted({row["denoiser_calls"] for row in data["rows"]})
    log_axis(axis, "x", calls[0] / 1.25, calls[-1] * 1.25)
    axis.set_xticks(calls, [f"{c:g}" for c in calls])
    _floor(axis, data, truth)
    axis.grid(True, axis="y", color=PALE, linewidth=0.6)
    unit = TARGETS[data["target"]["kind"]][1]
    axis.set(xlabel="denoiser calls; bars: 95 % intervals", ylabel=f"{TRUTHS[truth]}\n({unit}, logarithmic)")
    axis.set_title(_undecided(lines.values(), truth), fontsize=8, color=palette.RIVAL)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _undecided(lines: Iterable[Sequence[PlainData]], truth: str) -> str:
    """Where a distance tells nobody from the others: all intervals overlap, at every number of calls."""
    found: dict[int, list[Mapping[str, float]]] = {}
    for row in (row for rows in lines for row in rows):
        found.setdefault(row["denoiser_calls"], []).append(row[truth]["frechet"])
    groups = [group for group in found.values() if len(group) > 1]
    alike = groups and all(max(one["low"] for one in group) <= min(one["high"] for one in group) for group in groups)
    return "all intervals overlap: this distance does not tell them apart" if alike else ""


def _floor(axis: Any, data: Mapping[str, Any], truth: str) -> None:
    """What the fine run itself has: no grid goes below it but by chance."""
    fine = ((data["reference"] or {}).get("data") or {}).get("frechet") if truth == "data" else None
    if fine is not None:
        axis.axhline(fine["value"], color=palette.INK, linewidth=0.9, linestyle=":", label="the fine run")


def _colour(schedules: Sequence[str], name: str) -> str:
    """Colour of a schedule: the optimum's and the habit's are fixed."""
    fixed = {"optimized": palette.OWN, HABIT: palette.HABIT}
    return fixed.get(name) or LINES[[s for s in schedules if s not in fixed].index(name) % len(LINES)]


def _measured(row: PlainData, truth: str) -> bool:
    return bool((row[truth] or {}).get("frechet"))
