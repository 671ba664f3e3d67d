"""The map of where along a run the error is made, on one absolute scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffopt.report.palette import INK, PALE, RIVAL, SIGNED, STEPS
from diffopt.report.style import digits, figure, flow_axis, log_axis, styled, titled
from diffopt.report.units import units
from diffopt.studies.error_map import ErrorMap

#: Least share of a step or a band that is told in numbers, in percent.
TOLD = 3.0
#: The hue of what takes away.
TAKES = "#35978f"


def error_mesh(canvas: Any, axis: Any, local: ErrorMap, scale: float | None = None) -> None:
    """Parts of the squared error by step and band of eigenvalues, with their sums above and beside it."""
    from matplotlib.colors import FuncNorm

    top = float(np.max(np.abs(local.parts))) or 1.0
    # Roots, sign kept: a cell of a hundredth of the largest is still seen.
    norm = FuncNorm((lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda y: np.sign(y) * y**2), -top, top)
    mesh = axis.pcolormesh(local.sigma, local.edges, local.parts.T, cmap=SIGNED, norm=norm, shading="flat")
    # Cells as paths would have hairlines between them in an SVG.
    mesh.set_rasterized(True)
    eig = np.array([local.edges[0], local.edges[-1]])
    # White below the dashes: they stay visible on dark cells.
    axis.plot(np.sqrt(eig), eig, color="white", linewidth=2.2, alpha=0.8)
    axis.plot(np.sqrt(eig), eig, color=INK, linewidth=0.9, linestyle="--", label="sigma = sqrt(eigenvalue)")
    log_axis(axis, "x", float(np.max(local.sigma)), float(np.min(local.sigma)))
    log_axis(axis, "y", float(local.edges.min()), float(local.edges.max()))
    axis.legend(loc="lower left", fontsize=8, frameon=True, facecolor="white", framealpha=0.85, edgecolor="none")
    _levels(axis, local)
    axis.set_ylabel(f"eigenvalue ({units(scale, squared=True)})")
    sums = _margins(axis, local)
    sums.set_title("\n".join(told(local)), fontsize=9.5)
    # Below, where it takes no width from the panels above.
    bar = canvas.colorbar(mesh, ax=axis, orientation="horizontal", aspect=55, fraction=0.05, pad=0.03)
    # Only the colours that occur; 0 stays white.
    low, high = min(float(local.parts.min()), 0.0), max(float(local.parts.max()), 0.0)
    bar.ax.set_xlim(low if low < -1e-4 * top else 0.0, high if high > 1e-4 * top else 1e-12 * top)
    bar.set_ticks(_ticks(low, high))
    bar.ax.xaxis.set_major_formatter(lambda value, _: digits(value))
    unit = units(scale, squared=True)
    bar.set_label(f"squared error that a cell adds ({unit}); the colours go by its square root", fontsize=8.5)


def _levels(axis: Any, local: ErrorMap) -> None:
    """Words below the map; no numbers where a strip has no scale: from pure noise, and to 0."""
    from matplotlib.ticker import FixedLocator

    levels = local.sigma[local.from_noise : local.sigma.size - local.to_zero]
    low, high = (float(f(levels)) for f in (np.min, np.max)) if levels.size else axis.get_xlim()
    for minor in (False, True):
        marks = [t for t in axis.xaxis.get_ticklocs(minor=minor) if low / 1.001 <= t <= high * 1.001]
        (axis.xaxis.set_minor_locator if minor else axis.xaxis.set_major_locator)(FixedLocator(marks))
    if local.from_noise:
        axis.plot(0, 0, "<", transform=axis.transAxes, color=INK, markersize=6, clip_on=False, zorder=4)
    first = f"; triangle: pure noise{' (s = 1)' * local.flow}" if local.from_noise else ""
    said = f", sampling runs to the right{first}{'; the last strip is the step to 0' * local.to_zero}"
    axis.set_xlabel("sigma" + said * (not local.flow))
    if local.flow:
        flow_axis(axis, said, -0.17, (low, high))


def told(local: ErrorMap) -> list[str]:
    """What the cells are, and what no cell shows."""
    square = local.square
    whole = f"{digits(square)} = {digits(max(square, 0.0) ** 0.5)}\u00b2"
    lines = [f"Where the steps' error is made: {whole} is the sum of all cells"]
    if (found := _half(local)) is not None:
        first, last = found
        lines.append(f"more than half of it by the step{'s' * (last > first + 1)} {_from_to(local, first, last)}")
    if float(local.parts.min()) < -1e-4 * float(np.max(np.abs(local.parts))):
        lines.append("brown cells add to it, green ones take away what other steps added")
    null = 100 * float(local.null.sum()) / square if square > 0 else 0.0
    if abs(null) >= 0.5:
        lines.append(f"{null:.0f} % of it lies in directions of eigenvalue 0, below the map")
    return lines


def _half(local: ErrorMap) -> tuple[int, int] | None:
    """First level and last of the fewest steps in a row that make half of the error."""
    steps, square = local.steps, local.square
    windows = [(j - i, i, j) for i in range(steps.size) for j in range(i + 1, steps.size + 1) if steps[i:j].sum() >= square / 2]
    return min(windows)[1:] if windows and square > 0 else None


def _from_to(local: ErrorMap, first: int, last: int) -> str:
    """The levels of a window of steps; where a strip was drawn for pure noise or 0, these."""
    pure = local.from_noise and first == 0
    begin = f"pure noise{' (s = 1)' * local.flow}" if pure else f"sigma {_level(local, first)}"
    if local.to_zero and last == local.steps.size:
        return f"from {begin} to 0"
    return f"from {begin} to {'sigma ' * pure}{_level(local, last)}"


def _level(local: ErrorMap, k: int) -> str:
    sigma = float(local.sigma[k])
    return digits(sigma) + (f" (s = {digits(sigma / (1 + sigma))})" if local.flow else "")


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers a decade or half one apart on both sides of 0."""
    top = max(-low, high)
    if top <= 0:
        return [0.0]
    decades = 10.0 ** np.floor(np.log10(top)) * np.array([1, 0.1, 0.01])
    sizes = [m * d for d in decades for m in (5, 2, 1)]
    shown: list[float] = [0.0]
    for size in sizes:
        for value in (size, -size):
            near = [abs(_root(value) - _root(s)) for s in shown]
            if low <= value <= high and min(near) > 0.13 * top**0.5:
                shown.append(float(value))
    # The ends of the bar have numbers, in the place of round ones that are near.
    ends = [end for end in (low, high) if abs(end) > 1e-4 * top]
    far = [s for s in shown if all(abs(_root(s) - _root(end)) > 0.1 * top**0.5 for end in ends)]
    return sorted({*far, *ends})


def _root(value: float) -> float:
    return float(np.sign(value)) * abs(value) ** 0.5


def _margins(axis: Any, local: ErrorMap) -> Any:
    """Sums of the columns above, in percent of the whole, and of the rows beside; returns the axes above."""
    whole = abs(local.square) or 1.0
    above, beside = axis.inset_axes([0, 1.03, 1, 0.24]), axis.inset_axes([1.015, 0, 0.13, 1])
    steps, bands = 100 * local.steps / whole, 100 * local.parts.sum(axis=0) / whole
    edges, centres = local.sigma, np.sqrt(local.sigma[1:] * local.sigma[:-1])
    for k, share in enumerate(steps):
        above.fill_between(edges[k : k + 2], 0, share, color=STEPS if share >= 0 else TAKES, alpha=0.8, linewidth=0)
    above.set_xscale("log")
    above.set_xlim(*axis.get_xlim())
    for k in _chosen(steps, np.log(edges)):
        side = _side(steps, k)
        place = {"left": edges[k], "right": edges[k + 1], "center": centres[k]}[side]
        off = {"left": 2.5, "right": -2.5, "center": 0}[side]
        above.annotate(f"{steps[k]:.0f} %", (place, steps[k]), xytext=(off, 2 if steps[k] >= 0 else -2), ha=side,
                       textcoords="offset points", va="bottom" if steps[k] >= 0 else "top", fontsize=7.5)  # fmt: skip
    low, high = min(0.0, float(steps.min())), max(0.0, float(steps.max()))
    reach = max(high - low, 1e-9)
    above.set_ylim(low - 0.45 * reach * (low < -TOLD), high + 0.65 * reach)
    if (found := _half(local)) is not None:
        # The levels that the sentence names.
        above.plot(edges[list(found)], [high + 0.52 * reach] * 2, "|-", color=INK, linewidth=1.1, markersize=7, clip_on=False)
    above.set_ylabel("steps\n(%)", fontsize=8)
    for j, share in enumerate(bands):
        beside.fill_betweenx(local.edges[j : j + 2], 0, share, color=RIVAL if share >= 0 else TAKES, alpha=0.8, linewidth=0)
    beside.set_yscale("log")
    beside.set_ylim(*axis.get_ylim())
    beside.set_xlabel("eigen-\nvalues (%)", fontsize=8)
    for panel, labels in ((above, "labelbottom"), (beside, "labelleft")):
        panel.tick_params(**{labels: False}, labelsize=7.5)
        panel.minorticks_off()
        panel.grid(True, axis="y" if panel is above else "x", color=PALE, linewidth=0.6)
        panel.set_axisbelow(True)
    above.tick_params(bottom=False)
    beside.tick_params(left=False)
    return above


def _side(steps: np.ndarray, k: int) -> str:
    """Where a number begins or ends: away from a neighbour that is larger, on which it could not be read."""
    left, right = (0 <= n < steps.size and steps[n] > steps[k] + 1 for n in (k - 1, k + 1))
    return "center" if left == right else "left" if left else "right"


def _chosen(steps: np.ndarray, edges: np.ndarray) -> list[int]:
    """Steps whose share is told: the largest first, so far apart that their numbers do not touch."""
    place = (edges[1:] + edges[:-1]) / 2 / abs(edges[0] - edges[-1])
    chosen: list[int] = []
    for k in np.argsort(-np.abs(steps)):
        if abs(steps[k]) >= TOLD and all(abs(place[k] - place[other]) > 0.055 for other in chosen):
            chosen.append(int(k))
    return chosen


@styled
def map_picture(local: ErrorMap, *titles: str, scale: float | None = None) -> Any:
    """Picture of a map alone; `titles` are what was run, the data and the conditions, `scale` the factor of its units."""
    canvas, axes = figure(8.5, [5.2])
    error_mesh(canvas, axes[0], local, scale)
    titled(canvas, *titles)
    return canvas
