"""Names with their errors from the best down, dots on a logarithmic axis in every picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diffopt.report import palette
from diffopt.report.gain import gain, number
from diffopt.report.style import digits, log_axis, plain
from diffopt.report.units import BELOW, error_words
from diffopt.schedules import HABIT

#: Share of the largest value below which one is drawn as this share.
NOTHING = 1e-9
#: Rows of a panel.
MOST = 16
COLOURS = {HABIT: palette.HABIT}
#: Share of the axis that is kept for the numbers, and the least ratio of its values' ends: a per cent looks like one.
ROOM, LEAST = 0.24, 1.5


def height(rows: int) -> float:
    """Inches that a panel of so many rows takes."""
    return 0.8 + 0.2 * max(3, rows)


def ranking(
    axis: Any, scores: Mapping[str, float], objective: str, own: str, colours: Mapping[str, str] = COLOURS, most: int = MOST,
    scale: float | None = None,
) -> None:
    """Values by name, smallest first; own in orange or as `colours`, each with its number and its ratio to own.

    `scale` is the factor from stored numbers to the units of the errors, where known.
    """
    if not scores:
        axis.text(0.5, 0.5, f"{objective} is not finite here", ha="center", va="center")
        axis.set_axis_off()
        return
    names = _chosen(scores, own, colours, most)
    dots(axis, [(n, scores[n], _colour(n, own, colours), _told(scores, n, own)) for n in names])
    named(axis, names, own, _colour(own, own, colours))
    for label, name in zip(axis.get_yticklabels(), names, strict=True):
        if name in colours:
            label.set_color(colours[name])
    # Long names leave a short axis.
    axis.set_xlabel(error_words(objective, scale, letters=BELOW - max(0, max(map(len, names)) - 20)))


def _chosen(scores: Mapping[str, float], own: str, colours: Mapping[str, str], most: int) -> list[str]:
    names = list(scores)[:most]
    return names + [n for n in (*colours, own) if n in scores and n not in names]


def _colour(name: str, own: str, colours: Mapping[str, str]) -> str:
    return colours.get(name, palette.OWN if name == own else palette.RIVAL)


def _told(scores: Mapping[str, float], name: str, own: str) -> str:
    if own not in scores or name == own:
        return number(scores[name])
    ratio = scores[name] / scores[own]
    if digits(ratio) == "1":
        return number(scores[name])
    # What is better is told as the text tells it.
    return f"{number(scores[name])}, {f'{digits(ratio)} x' if ratio > 0.9995 else gain(scores[name], scores[own])}"


def dots(axis: Any, rows: Sequence[tuple[str, float, str, str]], ends: Mapping[int, float] | None = None) -> None:
    """A dot a row (name, value, colour, text) on a log axis that begins at the data; `ends` are further values of rows."""
    ends = ends or {}
    values = [value for _, value, _, _ in rows]
    high = max([*values, *ends.values()]) or 1.0
    # An error of nothing has its dot at the left edge and its number beside it.
    low = max(min(values), high * NOTHING)
    if high < LEAST * low:
        low, high = ((low * high) ** 0.5 * LEAST**side for side in (-0.5, 0.5))
    # On an axis of some six inches.
    share = min(max(ROOM, (0.06 * max(len(text) for _, _, _, text in rows) + 0.15) / 6), 0.5)
    room = (high / low) ** (share / (1 - share))
    log_axis(axis, "x", low / room**0.1, high * room)
    for i, (_, value, colour, text) in enumerate(rows):
        axis.axhline(i, color=palette.PALE, linewidth=0.7, linestyle=":", zorder=0)
        axis.plot(max(value, low), i, "o" if value >= low else "<", color=colour, markersize=6, zorder=3)
        _number(axis, max(value, low, ends.get(i, value)), i, text, colour)


def _number(axis: Any, x: float, y: float, text: str, colour: str) -> None:
    axis.annotate(text, (x, y), xytext=(7, 0), textcoords="offset points", va="center", fontsize=8, color=colour)


def named(axis: Any, names: Sequence[str], own: str, colour: str = palette.OWN) -> None:
    """Names of the rows from the top down, own in its colour."""
    axis.set_yticks(range(len(names)), [plain(n) for n in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.get_yticklabels()[names.index(own) if own in names else 0].set_color(colour if own in names else palette.INK)
