"""Picture of a study of injected noise: eta over sigma for each setting, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffopt.report import palette
from diffopt.report.cancellation import cancels, flattered
from diffopt.report.gain import number
from diffopt.report.noise_answers import advised
from diffopt.report.plain_data import PlainData
from diffopt.report.rankings import dots, height
from diffopt.report.studies import chosen_rows
from diffopt.report.style import counted, digits, figure, legend_above, log_axis, plain, setting, styled, titled
from diffopt.report.units import scale_in, units

#: Marks of one eta at every step that is neither advised nor in force.
OTHERS = ("D", "v", "^", "P", "X", "*")
#: Steps up to which cells have numbers, and up to which these have two digits, and the least change of an error that is drawn.
CELLS, WIDE, MOVES = 30, 14, 1e-3
#: In the words of the text.
CLEAN = "with no step's error cancelling (absolute)"
HATCHED = "gained by errors of the steps that cancel each other"
OPEN = "with no step's error cancelling (absolute): do not count on more"
LEADING = "to leading order (absolute): do not count on more"


@dataclass(frozen=True)
class Constants:
    """Errors of one eta at every step, in the clock of the present setting; infinite where the scheme blows up."""

    clock: str | None
    eta: Sequence[float]
    exact: Sequence[float]
    absolute: Sequence[float]


@styled
def noise_picture(data: Mapping[str, Any], constants: Constants | None = None) -> Any:
    """The error over one eta at every step, the eta of each step by setting, and the exact errors; what to use in orange.

    A panel that would say nothing is left out: that over a constant eta where no curve is given or nothing depends on it, that
    over the steps where every setting has one eta, that of the errors where the curve holds the only one.
    """
    chosen = chosen_rows(data)
    clocks = len({row["clock"] for _, row in chosen}) > 1
    rows = {name + (f", {row['clock']} clock" if clocks and row["clock"] else ""): row for name, row in chosen}
    taken = next((name for name in rows if name.startswith(("set: ", "present")) and rows[name] is advised(data)), "")
    # What to use on top: the least error may be one that is not advised.
    ranked = {name: rows[name] for name in sorted(rows, key=lambda name: (name != taken, float(rows[name]["exact"])))}
    colours = {n: palette.HABIT if n.startswith("present") else palette.OWN if n == taken else palette.RIVAL for n in rows}
    curve = constants is not None and _moves(constants)
    stepwise = any(not _one(row) for row in rows.values()) or (not curve and len(rows) > 1)
    ranking = len(rows) > 1 or not curve
    canvas, axes = figure(9, [*[3.0] * curve, *[height(len(rows))] * stepwise, *[height(len(rows)) + 0.25] * ranking])
    if constants is not None and curve:
        _over_eta(axes[0], rows, colours, constants)
        axes[0].set_ylabel(f"error ({units(scale_in(data))})")
    if stepwise:
        _etas(axes[int(curve)], data, ranked)
        _names(axes[int(curve)], ranked, colours)
    if ranking:
        _errors(axes[-1], data, ranked, colours)
    head = f"{data['solver']}, {counted(data['steps'], 'step')} on {data['schedule']}, eta in the sense of {data['eta_meaning']}"
    titled(canvas, head, data["spectrum"]["source"], setting(data))
    return canvas


def _one(row: PlainData) -> bool:
    """Whether every step has the same eta."""
    return max(row["eta"]) - min(row["eta"]) <= 1e-9


def _known(line: Sequence[float]) -> np.ndarray:
    return np.array([v if np.isfinite(v) else np.nan for v in line])


def _moves(found: Constants) -> bool:
    """Whether the error depends on a constant eta at all."""
    known = [v for v in found.exact if np.isfinite(v)]
    return len(known) > 1 and max(known) > (1 + MOVES) * min(known)


def _over_eta(axis: Any, rows: Mapping[str, PlainData], colours: Mapping[str, str], found: Constants) -> None:
    """Exact error over one eta at every step, what is left of it where no error cancels, and the settings that are such."""
    eta, (exact, absolute) = np.asarray(found.eta), (_known(line) for line in (found.exact, found.absolute))
    axis.plot(eta, exact, color=palette.INK, linewidth=1.5, label="exact error")
    axis.plot(eta, absolute, color=palette.RIVAL, linewidth=1.1, linestyle="--", label=CLEAN)
    marked = {name: row for name, row in rows.items() if _one(row) and row["clock"] == found.clock}
    others = iter(OTHERS)
    for name, row in marked.items():
        mark = "s" if name.startswith("present") else "o" if colours[name] == palette.OWN else next(others)
        words = f"{name.removesuffix(f', {found.clock} clock')}, eta {digits(row['eta'][0])}"
        axis.plot(row["eta"][0], row["exact"], mark, color=colours[name], markersize=7, zorder=4, clip_on=False,
                  label=plain(words))  # fmt: skip
    shown = [row["exact"] for row in marked.values()]
    known = np.concatenate([exact, absolute, shown])
    low = float(np.nanmin(known[known > 0], initial=np.inf))
    high = max(min(float(np.nanmax(known)), 30 * low), *shown, low)
    log_axis(axis, "y", low / 1.3, high * 1.35)
    axis.grid(True, which="major", color=palette.PALE, linewidth=0.6)
    where = f", {found.clock} clock" if found.clock and len({row["clock"] for row in rows.values()}) > 1 else ""
    top = 1.08 * max((row["eta"][0] for row in marked.values()), default=0.0)
    axis.set(xlim=(0, max(top, _end(eta, exact, absolute))), xlabel=f"one eta at every step{where}")
    legend_above(axis, 2 if len(marked) > 1 else 3)


def _end(eta: np.ndarray, *errors: np.ndarray) -> float:
    """The eta after which no error changes any more: as much noise as a step can take."""
    last = [np.flatnonzero(np.abs(part - part[-1]) > MOVES * np.abs(part[-1])) for part in errors if np.isfinite(part[-1])]
    if len(last) < len(errors):
        return float(eta[-1])
    return float(eta[min(max((int(k[-1]) for k in last if k.size), default=0) + 2, eta.size - 1)])


def _etas(axis: Any, data: Mapping[str, Any], rows: Mapping[str, PlainData]) -> None:
    """A row of cells a setting, a cell a step: the more noise the deeper; one number where all are one."""
    from matplotlib.colors import LinearSegmentedColormap

    etas = np.array([row["eta"] for row in rows.values()])
    steps = etas.shape[1]
    shades = LinearSegmentedColormap.from_list("noise", ["#ffffff", palette.NOISE])
    sides = np.arange(steps + 1), np.arange(len(rows) + 1) - 0.5
    mesh = axis.pcolormesh(*sides, etas, cmap=shades, vmin=0, vmax=max(etas.max(), 1e-9))
    # Cells as paths would have hairlines between them in an SVG.
    mesh.set_rasterized(True)
    axis.hlines(np.arange(1, len(rows)) - 0.5, 0, steps, color="white", linewidth=3)
    for i, row in enumerate(rows.values()):
        if _one(row) and steps > 1:
            axis.text(steps / 2, i, f"{digits(row['eta'][0])} at every step", ha="center", va="center", fontsize=7.5)
        for k in range(steps if steps <= CELLS and not (_one(row) and steps > 1) else 0):
            axis.text(k + 0.5, i, _cell(row["eta"][k], steps), ha="center", va="center", fontsize=7.5 if steps <= WIDE else 6)
    levels = {k: data["sigmas"][k] for k in range(0, steps + 1, -(-steps // WIDE))}
    axis.set_xticks(list(levels), ["pure noise" if s is None else digits(s) for s in levels.values()], fontsize=8)
    axis.set(xlim=(0, steps))
    told = "in the cells: eta of each step" if steps <= CELLS else f"the deepest cell: eta {digits(float(etas.max()))}"
    axis.set_xlabel(f"noise levels (sigma) between the steps, sampling runs to the right; {told}")


def _cell(eta: float, steps: int) -> str:
    """Eta of a step in a cell, short where there are many."""
    if eta < (5e-4 if steps <= WIDE else 5e-3):
        return "0"
    return f"{eta:.2g}" if steps <= WIDE or eta >= 0.1 else f"{eta:.2f}"


def _names(axis: Any, rows: Mapping[str, PlainData], colours: Mapping[str, str]) -> None:
    """Names of the settings from the top down; what to set and what is in force in their colours."""
    axis.set_yticks(range(len(rows)), [plain(name) for name in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    for label, name in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_color(palette.INK if colours[name] == palette.RIVAL else colours[name])


def _errors(axis: Any, data: Mapping[str, Any], rows: Mapping[str, PlainData], colours: Mapping[str, str]) -> None:
    """Exact errors as dots; what is gained only by cancelling errors is hatched up to the error without them."""
    base = None if data["present"] is None else data["present"]["exact"]
    marked = {i: row for i, row in enumerate(rows.values()) if flattered(row, data["present"])}
    hatched = [i for i, row in marked.items() if cancels(row)]
    told = [(n, row["exact"], colours[n], _told(row, base, i in marked)) for i, (n, row) in enumerate(rows.items())]
    dots(axis, told, {i: row["absolute"] for i, row in marked.items()})
    names: Sequence[str] = list(rows)
    for i, row in marked.items():
        own = colours[names[i]]
        if i in hatched:
            axis.barh(i, row["absolute"] - row["exact"], left=row["exact"], height=0.5, facecolor="none", edgecolor=own,
                      hatch="////", linewidth=0.4, alpha=0.7, label=HATCHED if i == hatched[0] else None)  # fmt: skip
        axis.plot(row["absolute"], i, "D", markerfacecolor="white", color=own, markersize=5.5, linestyle="none", zorder=4,
                  label=(OPEN if hatched else LEADING) if i == min(marked) else None)  # fmt: skip
    _names(axis, rows, colours)
    of = "" if base is None else "; factors: of the present setting"
    axis.set_xlabel(f"exact error ({units(scale_in(data))}), logarithmic, less is better{of}")
    if marked:
        legend_above(axis, 1)


def _told(row: PlainData, base: float | None, marked: bool) -> str:
    ratio = "" if not base or row["exact"] == base else f", {digits(row['exact'] / base)} x"
    return f"{number(row['exact'])}{ratio}" + (f"; absolute {number(row['absolute'])}" if marked else "")
