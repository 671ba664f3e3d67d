"""One look for every picture: colours, figures, axes, files; matplotlib is loaded only here and only when needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import MissingExtraError
from diffopt.report.palette import DIRECTIONS, INK, RIVAL, VARIANCE
from diffopt.report.text import conditions

P = ParamSpec("P")

#: Digits of an exponent.
RAISED = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")

#: Digits at the ticks of a logarithmic axis, the fewest first, and how many ticks say enough.
SUBS, FEWEST = ((1.0,), (1.0, 2.0, 5.0)), 3
#: Distinct eigenvalues up to which the bars of the variance are thin.
THIN = 15
#: Size of the words above a picture, and the share of its width that they take.
TITLE, EDGE = 11, 0.96

LOOK: dict[Any, Any] = {
    "font.size": 9.5, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": RIVAL,
    "axes.spines.top": False, "axes.spines.right": False,
    "xtick.color": RIVAL, "ytick.color": RIVAL, "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.titlesize": 10.5,
    "axes.titlelocation": "left", "legend.frameon": False, "legend.fontsize": 8.5, "svg.hashsalt": "diffopt",
    # Words stay words: they can be searched, read aloud and copied.
    "svg.fonttype": "none",
}  # fmt: skip


def figure(width: float, heights: Sequence[float], flag: str = "--plot") -> tuple[Any, list[Any]]:
    """Figure with one axes a height (inches) below each other, without any global state.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "plot", flag) from None
    canvas = Figure(figsize=(width, sum(heights)), layout="constrained")
    axes = canvas.subplots(len(heights), 1, height_ratios=list(heights), squeeze=False)
    return canvas, list(axes[:, 0])


def board(width: float, heights: Sequence[float], last: float | None, flag: str = "--plot") -> tuple[Any, list[Any]]:
    """Axes in two columns, row by row, and one of height `last` below over both; one column up to three axes."""
    if len(heights) <= 3:
        return figure(width, [*heights, *([last] if last is not None else [])], flag)
    rows = [max(heights[i : i + 2]) for i in range(0, len(heights), 2)]
    canvas, _ = figure(1.5 * width, [sum(rows) + (last or 0)], flag)
    canvas.clear()
    grid = canvas.add_gridspec(len(rows) + (last is not None), 2, height_ratios=[*rows, *([last] if last is not None else [])])
    axes = [canvas.add_subplot(grid[i // 2, i % 2]) for i in range(len(heights))]
    if last is not None:
        axes.append(canvas.add_subplot(grid[-1, :]))
    return canvas, axes


def styled(draw: Callable[P, Any]) -> Callable[P, Any]:
    """Let a function that returns a figure draw in the one look."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            import matplotlib
        except ImportError:
            raise MissingExtraError("matplotlib", "plot", "--plot") from None
        with matplotlib.rc_context(LOOK):
            return draw(*args, **kwargs)

    return inside


def counted(number: float, word: str) -> str:
    """A number of things: 1 step, 2 steps."""
    return f"{number:g} {word}{'s' * (number != 1)}"


def plain(text: str) -> str:
    """Text that matplotlib draws as it stands: no mathematics between dollars, no control characters."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean.replace("$", r"\$")


def titled(canvas: Any, what: str, source: str, *lines: str) -> None:
    """Title: what is drawn and of which data, and lines of conditions below; wrapped where the figure is narrower."""
    texts = [f"{what}; {shown_source(source)}" if source else what, *lines]
    wrapped = [plain(part) for text in texts for part in wrap(text, 72 * canvas.get_figwidth())]
    # What is said to those who do not see it.
    canvas.set_label("; ".join(texts))
    for axis in canvas.axes:
        _short_ticks(axis)
    # The axes keep their size.
    canvas.set_figheight(canvas.get_figheight() + 0.2 * (len(wrapped) - 1) + 0.06)
    canvas.suptitle("\n".join(wrapped), fontsize=TITLE, x=0.01, ha="left")


def _short_ticks(axis: Any) -> None:
    """Plain numbers without zeros at their ends, where nothing else is said."""
    from matplotlib.ticker import ScalarFormatter

    for ruler in (axis.xaxis, axis.yaxis):
        if type(ruler.get_major_formatter()) is ScalarFormatter:
            ruler.set_major_formatter(lambda value, _: f"{value:.6g}")


def headed(canvas: Any, answer: str) -> None:
    """Put what a picture says above its title, in bold."""
    lines = [plain(part) for text in answer.split("\n") for part in wrap(text, 72 * canvas.get_figwidth(), "bold")]
    canvas.set_figheight(canvas.get_figheight() + 0.2 * len(lines))
    look = {"x": 0.01, "ha": "left", "va": "top", "fontsize": TITLE, "color": INK}
    # One line and a half from the last of the bold lines to the first of the others, whose blank lines are as high as theirs.
    apart = 1.45
    bold = (len(lines) * apart - 1.75) / (len(lines) - 1) if len(lines) > 1 else 1.2
    canvas.suptitle("\n" * len(lines) + canvas.get_suptitle(), linespacing=apart, **look)
    # The place that the layout gives to a title.
    top = 1 - 0.083 / canvas.get_figheight()
    canvas.text(y=top, s="\n".join(lines), fontweight="bold", linespacing=bold, in_layout=False, **look)


def wrap(text: str, width: float, weight: str = "normal") -> list[str]:
    """Lines of a title that are no wider than `width`, in points, by the widths of its letters."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=TITLE, weight=weight)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_to_path.get_text_width_height_descent(longer, font, ismath=False)[0] <= EDGE * width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def shown_source(source: str, most: int = 48) -> str:
    """Name of the data; of a long path the file alone, of a long name its ends."""
    if len(source) > most and "/" in source:
        source = f".../{source.rsplit('/', 1)[1]}"
    half = most // 2
    return source if len(source) <= most else f"{source[: half - 2]}...{source[1 - half :]}"


def setting(data: Mapping[str, Any]) -> str:
    """Process, range, end, start and score error of a document, in the words of every view."""
    wrong = f", score error {data['score_error']}" if data.get("score_error") else ""
    return f"{conditions(data)}{_shift(data)}{wrong}"


def _shift(data: Mapping[str, Any]) -> str:
    """What is assumed of a flow model whose shift nobody said."""
    unknown = data["process"]["name"] == "flow" and not data["process"].get("model_shift")
    return "; the model's shift is not known, 1 is assumed (--shift)" if unknown else ""


def log_axis(axis: Any, which: str = "x", low: float | None = None, high: float | None = None) -> None:
    """Logarithmic axis with plain numbers, so few that they do not overlap."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ruler = axis.xaxis if which == "x" else axis.yaxis
    (axis.set_xscale if which == "x" else axis.set_yscale)("log")
    if low is not None and high is not None:
        (axis.set_xlim if which == "x" else axis.set_ylim)(low, high)
    first, last = sorted(axis.get_xlim() if which == "x" else axis.get_ylim())
    subs = next((subs for subs in SUBS if _labels(first, last, subs) >= FEWEST), None)
    if subs is None:
        _linear_ticks(ruler, first, last)
    else:
        ruler.set_major_locator(LogLocator(subs=subs, numticks=12))
    ruler.set_major_formatter(FuncFormatter(lambda v, _: tick_text(v, *sorted(ruler.get_view_interval()))))
    ruler.set_minor_formatter(NullFormatter())


def _labels(first: float, last: float, subs: Sequence[float]) -> int:
    """Ticks of a logarithmic axis between two values."""
    decades = range(int(np.floor(np.log10(first))), int(np.ceil(np.log10(last))) + 1)
    return sum(first <= sub * 10.0**k <= last for k in decades for sub in subs)


def tick_text(value: float, low: float, high: float) -> str:
    """A number of an axis: plain digits, or powers of ten on the whole axis where plain digits would be long."""
    if 1.001e-5 < low and 1e-3 <= high < 1e7 and high < 2e7 * low:
        return f"{value:,.0f}" if value >= 10_000 else f"{value:g}"
    return _power(value)


def digits(value: float) -> str:
    """Three digits of a value beside its mark."""
    if value == 0 or 1e-4 <= abs(value) < 999.5:
        return f"{value:.3g}"
    return f"{float(f'{value:.3g}'):,.0f}" if 999 < abs(value) < 1e7 else _power(value)


def _power(value: float) -> str:
    mantissa, exponent = f"{value:.2e}".split("e")
    power = f"10{str(int(exponent)).translate(RAISED)}"
    return power if float(mantissa) == 1 else f"{float(mantissa):g}\u00b7{power}"


def _linear_ticks(ruler: Any, first: float, last: float) -> None:
    """A few round numbers on less than half a decade."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

    ticks = [t for t in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(first, last) if first <= t <= last]
    ruler.set_major_locator(FixedLocator(ticks))
    ruler.set_minor_locator(NullLocator())


def level_row(axis: Any, row: int, grid: Sequence[float | None], colour: str, size: float = 8, width: float = 1.2) -> np.ndarray:
    """Levels of a grid as ticks on a line, pure noise as a triangle at the left edge; returns the finite ones above 0."""
    values = np.array([s for s in grid if s is not None and np.isfinite(s) and s > 0], dtype=float)
    edge, pure = axis.get_xlim()[0], grid[0] is None or not np.isfinite(grid[0])
    if values.size:
        axis.hlines(row, values.min(), edge if pure else values.max(), color=colour, linewidth=0.6, alpha=0.6)
        axis.plot(values, np.full(values.size, row), "|", color=colour, markersize=size, markeredgewidth=width)
    if pure:
        axis.plot(edge, row, "<", color=colour, markersize=0.55 * size, clip_on=False, zorder=4)
    return values


def flow_axis(axis: Any, more: str = "", place: str | float = "top", inside: tuple[float, float] | None = None) -> None:
    """Times s = sigma/(1 + sigma) of flow hosts, on top or at another place; `inside` are the levels that have a scale."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    top = axis.secondary_xaxis(place, functions=(lambda x: x / (1 + x), lambda s: s / np.maximum(1 - s, 1e-9)))
    low, high = sorted(inside or axis.get_xlim())
    near = 1 + 1e-9
    marks = [s for s in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99) if low / near <= s / (1 - s) <= high * near]
    top.xaxis.set_major_locator(FixedLocator(marks))
    top.xaxis.set_minor_locator(NullLocator())
    top.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    top.set_xlabel(f"time s = sigma/(1 + sigma){more}", fontsize=8.5)


def first_root(spectrum: Spectrum) -> float:
    """Where the variance begins on the scale of sigma: all but a ten-thousandth lies above."""
    order = np.argsort(spectrum.eig)
    share = np.cumsum((spectrum.weight * spectrum.eig)[order]) / spectrum.trace
    return float(np.sqrt(spectrum.eig[order][np.searchsorted(share, 1e-4)]))


def density(axis: Any, root: np.ndarray, weight: np.ndarray, low: float, high: float, depth: float, base: float = 0.0) -> None:
    """Shares of the directions and of the variance per bin of sqrt(eig), filled from `base` by up to `depth`."""
    edges = np.geomspace(low, high, 81)
    inside = np.clip(root, low, high)
    for mass, colour, label in (
        (weight, DIRECTIONS, "share of directions"), (weight * root**2, VARIANCE, "share of variance"),
    ):  # fmt: skip
        share = np.histogram(inside, edges, weights=mass)[0]
        alpha = 0.6
        top, sides = base + depth * share / max(float(share.max()), 1e-300), edges
        if colour == VARIANCE and np.unique(root).size <= THIN:
            # A few bars of both at one place: the inner one leaves the other to be seen.
            alpha = 1.0
            sides = np.outer(edges[:-1], (edges[1] / edges[0]) ** np.array([0.3, 0.7])).ravel()
            top = np.column_stack([top, np.full_like(top, base)]).ravel()[:-1]
        axis.stairs(top, sides, baseline=base, fill=True, color=colour, alpha=alpha, zorder=0, label=label)


def legend_above(axis: Any, columns: int = 2) -> None:
    """Legend over the right end of the axes, where no data can lie under it."""
    axis.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncol=columns, borderaxespad=0.1, columnspacing=1.2)


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Positions near `values` (ascending order kept) that are at least `gap` apart: labels that do not overlap."""
    order = np.argsort(values)
    placed = np.asarray(values, dtype=float)[order]
    for _ in range(60):
        for i in range(1, placed.size):
            lack = gap - (placed[i] - placed[i - 1])
            if lack > 0:
                placed[i - 1] -= lack / 2
                placed[i] += lack / 2
    result = np.empty_like(placed)
    result[order] = placed
    return [float(v) for v in result]
