"""One meaning a colour, in every picture and on the page, by daylight and in the dark.

The strong ones stay apart for colour-blind eyes (Okabe and Ito, 2008); the others also differ by mark, hatch or place.
"""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """A colour by daylight, the same in the dark, and what it always says."""

    light: str
    dark: str
    words: str


MEANINGS = {
    "own": Meaning("#D55E00", "#ff9a4d", "what was found here: the optimum and the advice"),
    "habit": Meaning("#0072B2", "#6db7e8", "the habit: karras, or the setting that you have"),
    "rival": Meaning("#6b7280", "#a0a8b5", "other rules that need no data"),
    "data": Meaning("#009E73", "#4cc9a0", "rules computed from this spectrum"),
    "published": Meaning("#AA4499", "#e08fd0", "numbers made for other models or shipped with them"),
    "noise": Meaning("#B58900", "#e8c04a", "injected noise"),
    "yours": Meaning("#7A1F3D", "#f08aa8", "your own grid: the one in question, and those that were added"),
    "start": Meaning("#56B4E9", "#8fd0f5", "error of the start"),
    "steps": Meaning("#8C564B", "#d3a295", "error of the steps: the grid and the solver"),
    "end": Meaning("#7F8F1A", "#c3d14f", "error of the end: noise that is left"),
    "samples": Meaning("#CC6677", "#eb9aa6", "error of a score learnt from few samples"),
    "training": Meaning("#6A51A3", "#b3a2e0", "error of a score that is not trained to the end"),
    "directions": Meaning("#9fb3d9", "#3d5487", "share of the directions"),
    "variance": Meaning("#f0c08a", "#7d5a2c", "share of the variance"),
    "ink": Meaning("#1c2230", "#e6e9ef", "words, totals and curves that stand alone"),
    "pale": Meaning("#d6dae2", "#39404c", "grid lines"),
}  # fmt: skip

OWN, HABIT, RIVAL, DATA, PUBLISHED, NOISE, YOURS = (
    MEANINGS[name].light for name in ("own", "habit", "rival", "data", "published", "noise", "yours")
)
START, STEPS, END, SAMPLES, TRAINING = (MEANINGS[name].light for name in ("start", "steps", "end", "samples", "training"))
DIRECTIONS, VARIANCE, INK, PALE = (MEANINGS[name].light for name in ("directions", "variance", "ink", "pale"))

#: Lines that their names tell apart (solvers, schedules, members): none of the colours above, nor near to the green of the
#: rules computed from a spectrum; light and dark.
CYCLE = {
    "#332288": "#9c92e6", "#336600": "#9ac75e", "#C2185B": "#ff7fb0", "#A8824F": "#d9b98a", "#8F7C00": "#d6c24a",
    "#0089A8": "#5cc8e2", "#7B3F98": "#c79ae0", "#4D4D4D": "#bdbdbd",
    "#B5532A": "#e8946f", "#4169E1": "#8fa8ff",
}  # fmt: skip
LINES = tuple(CYCLE)
#: Marks that tell lines apart without colour.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

#: What the page turns in the dark.
DARK = {meaning.light: meaning.dark for meaning in MEANINGS.values()} | CYCLE | {"#ffffff": "#14171d"}
#: Colour map of signed parts of an error: what is added has the hue of the steps.
SIGNED = "BrBG_r"
