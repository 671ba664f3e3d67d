"""Picture of a study of injected noise: eta over sigma for each setting, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffopt.report import palette
from diffopt.report.cancellation import cancels, flattered
from diffopt.report.noise_answers import advised
from diffopt.report.rankings import dots, height, named
from diffopt.report.studies import chosen_rows
from diffopt.report.style import digits, figure, legend_above, log_axis, plain, setting, styled, titled
from diffopt.report.units import scale_in, units

Row = Mapping[str, Any]
#: Lines that differ without their colours.
DASHES = ("-", (0, (6, 1.2)), (0, (3, 1)), "-.", (0, (8, 1, 1, 1, 1, 1)))
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

    A panel that would say nothing is left out: that over a constant eta where no curve is given, that over the steps where
    every setting has one eta.
    """
    chosen = chosen_rows(data)
    clocks = len({row["clock"] for _, row in chosen}) > 1
    rows = {name + (f", {row['clock']} clock" if clocks and row["clock"] else ""): row for name, row in chosen}
    ranked = sorted(rows, key=lambda name: float(rows[name]["exact"]))
    taken = next(name for name in rows if name.startswith(("set: ", "present")) and rows[name] is advised(data))
    colours = _colours(rows, taken)
    stepwise = constants is None or any(not _one(row) for row in rows.values())
    canvas, axes = figure(9, [*[3.0] * (constants is not None), *[2.6] * stepwise, height(len(rows)) + 0.25])
    if constants is not None:
        _over_eta(axes[0], rows, colours, constants)
        axes[0].set_ylabel(f"error ({units(scale_in(data))})")
    if stepwise:
        _etas(axes[-2], data, rows, colours)
    _errors(axes[-1], data, {name: rows[name] for name in ranked}, colours, taken)
    head = f"{data['solver']}, {data['steps']} steps on {data['schedule']}, eta in the sense of {data['eta_meaning']}"
    titled(canvas, head, data["spectrum"]["source"], setting(data))
    return canvas


def _colours(rows: Mapping[str, Row], taken: str) -> dict[str, str]:
    """What is advised, what is in force, and the others."""
    others = iter(palette.LINES)
    return {
        name: palette.HABIT if name.startswith("present") else palette.OWN if name == taken else next(others, palette.RIVAL)
        for name in rows
    }


def _one(row: Row) -> bool:
    """Whether every step has the same eta."""
    return max(row["eta"]) - min(row["eta"]) <= 1e-9


def _over_eta(axis: Any, rows: Mapping[str, Row], colours: Mapping[str, str], found: Constants) -> None:
    """Exact error over one eta at every step, what is left of it where no error cancels, and the settings that are such."""
    exact, absolute = (np.array([v if np.isfinite(v) else np.nan for v in line]) for line in (found.exact, found.absolute))
    axis.plot(found.eta, exact, color=palette.INK, linewidth=1.5, label="exact error")
    axis.plot(found.eta, absolute, color=palette.RIVAL, linewidth=1.1, linestyle="--", label=CLEAN)
    marked = {name: row for name, row in rows.items() if _one(row) and row["clock"] == found.clock}
    for name, row in marked.items():
        mark = "s" if name.startswith("present") else "o"
        axis.plot(row["eta"][0], row["exact"], mark, color=colours[name], markersize=7, zorder=4, clip_on=False)
        # Right of the mark, on the side that the curve leaves.
        place = int(np.searchsorted(found.eta, row["eta"][0]))
        rises = exact[min(place + 1, exact.size - 1)] >= exact[max(place - 1, 0)]
        text = plain(f"{name}, eta {digits(row['eta'][0])}")
        axis.annotate(text, (row["eta"][0], row["exact"]), xytext=(8, -13 if rises else 7), textcoords="offset points",
                      fontsize=8.5, color=colours[name], zorder=5)  # fmt: skip
    known = np.concatenate([exact, absolute, [row["exact"] for row in marked.values()]])
    low = float(np.nanmin(known[known > 0], initial=np.inf))
    high = float(min(np.nanmax(known), 30 * low))
    log_axis(axis, "y", low / 1.3, high * 1.35)
    axis.grid(True, which="major", color=palette.PALE, linewidth=0.6)
    where = f", {found.clock} clock" if found.clock and len({row["clock"] for row in rows.values()}) > 1 else ""
    axis.set(xlim=(0, max(found.eta)), xlabel=f"one eta at every step{where}")
    legend_above(axis)


def _etas(axis: Any, data: Mapping[str, Any], rows: Mapping[str, Row], colours: Mapping[str, str]) -> None:
    # A single step has no level between pure noise and the data.
    sigmas = [s for s in data["sigmas"] if s] or [1.0]
    low, high = min(sigmas) / 1.4, max(sigmas) * 1.4
    edges = [high if s is None else max(s, low) for s in data["sigmas"]]
    found = [name for name in rows if not name.startswith("present")]
    for name, row in rows.items():
        now = name not in found
        # The later ones are thinner: equal settings stay visible below each other.
        place = 0 if now else found.index(name)
        style, width = (":", 1.6) if now else (DASHES[place % 5], 1.3 + 0.5 * (len(found) - 1 - place))
        axis.stairs(row["eta"][::-1], edges[::-1], baseline=None, color=colours[name], linestyle=style, linewidth=width,
                    zorder=2 + now, label=plain(name))  # fmt: skip
    top = max(max(row["eta"]) for row in rows.values()) or 1.0
    log_axis(axis, "x", high, low)
    last = "; the last step goes to 0" if data["sigmas"][-1] == 0 else ""
    axis.set(ylim=(-0.04 * top, 1.12 * top), ylabel="eta", xlabel=f"sigma, sampling runs to the right{last}")
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _errors(axis: Any, data: Mapping[str, Any], rows: Mapping[str, Row], colours: Mapping[str, str], taken: str) -> None:
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
    named(axis, names, taken, colours[taken])
    of = "" if base is None else "; factors: of the present setting"
    axis.set_xlabel(f"exact error ({units(scale_in(data))}), logarithmic{of}")
    if marked:
        legend_above(axis, 1)


def _told(row: Row, base: float | None, marked: bool) -> str:
    ratio = "" if not base or row["exact"] == base else f", {digits(row['exact'] / base)} x"
    return f"{digits(row['exact'])}{ratio}" + (f"; absolute {digits(row['absolute'])}" if marked else "")
