"""Pictures of convergence, and the map of where along a run the error is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.law.local_errors import LocalDefects
from diffopt.processes.grid import Grid
from diffopt.report.figures import error_mesh
from diffopt.report.style import GREY, INK, LINES, MARKERS, PALE, figure, log_axis, plain, spread, styled, titled
from diffopt.solvers import SOLVERS, Solver, run_table
from diffopt.studies.orders import Convergence


@styled
def convergence_picture(rows: Sequence[Convergence], *titles: str) -> Any:
    """Error over denoiser calls, a panel a metric; names beside the lines, slopes in a corner, its accuracy dashed."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    canvas, axes = figure(9, [3.9] * len(metrics))
    for axis, metric in zip(axes, metrics, strict=True):
        _panel(axis, [row for row in rows if row.metric == metric], metric)
    titled(canvas, "Errors of solvers against their cost", *(titles or ("",)))
    return canvas


def _panel(axis: Any, rows: Sequence[Convergence], metric: str) -> None:
    ends, names, seen = [], [], []
    for i, row in enumerate(rows):
        calls = np.asarray(_calls(row), dtype=float)
        errors = np.asarray(row.errors, dtype=float)
        keep = np.isfinite(errors) & (errors > 0)
        if not keep.any():
            continue
        axis.plot(calls[keep], errors[keep], color=LINES[i % 8], marker=MARKERS[(i + i // 8) % 8], markersize=4, linewidth=1.3,
                  linestyle=_dash(i))  # fmt: skip
        # Between the marks too: guides keep away from the lines.
        place = np.linspace(0, 1, 20 * keep.sum())
        lines = (np.interp(place, np.linspace(0, 1, keep.sum()), np.log(part[keep])) for part in (calls, errors))
        seen += [*zip(*(np.exp(line) for line in lines), strict=True)]
        ends.append((float(calls[keep][-1]), float(errors[keep][-1]), LINES[i % 8], _dash(i)))
        slope = "" if row.order is None else f", order {row.order:.2f}"
        names.append(f"{row.solver}{f' ({row.clock})' if row.clock else ''}{slope}")
    if not ends:
        return
    x, y = (np.array(values) for values in zip(*seen, strict=True))
    low, high = min(y.min(), *(e / 3 for _, e, *_ in ends)) / 1.5, y.max() * 1.6
    log_axis(axis, "y", low, high)
    log_axis(axis, "x", x.min() / 1.3, x.max() * 1.05)
    accuracy = rows[0].accuracy
    if low < accuracy < high:
        axis.axhline(accuracy, color=INK, linewidth=0.8, linestyle="--", zorder=0)
        axis.annotate(f"accuracy {accuracy:.3g}", (0.0, accuracy), xycoords=axis.get_yaxis_transform(), xytext=(4, 3),
                      textcoords="offset points", fontsize=7.5, color=INK)  # fmt: skip
    else:
        where = "below" if accuracy <= low else "above"
        axis.set_title(f"the accuracy {accuracy:.3g} lies {where} this panel", fontsize=8, color=GREY, loc="right")
    _guides(axis, np.log(seen))
    heights = spread([np.log(e) for _, e, *_ in ends], 0.045 * np.log(high / low))
    for (right, e, colour, dash), height, name in zip(ends, heights, names, strict=True):
        thread = {"arrowstyle": "-", "color": colour, "linewidth": 0.5 if dash == "-" else 0.9, "linestyle": dash,
                  "relpos": (0.0, 0.5), "shrinkA": 0}  # fmt: skip
        axis.annotate(plain(name), (right, e), xytext=(1.015, float(np.exp(height))), textcoords=axis.get_yaxis_transform(),
                      fontsize=8, color=colour, va="center", annotation_clip=False, arrowprops=thread)  # fmt: skip
    axis.grid(True, which="major", color=PALE, linewidth=0.6)
    unit = "data units squared" if metric == "weak" else "data units"
    axis.set(xlabel="denoiser calls", ylabel=f"{metric} error ({unit})")


def _dash(place: int) -> str:
    """Of a solver and of its name's thread: colours begin again after eight."""
    return ("-", "--", ":", "-.")[place // 8 % 4]


def _calls(row: Convergence) -> list[int]:
    """Model calls of each step count, on grids that end above 0."""
    return [SOLVERS[row.solver]().calls(steps, to_data=False) for steps in row.steps]


def _guides(axis: Any, seen: np.ndarray) -> None:
    """Slopes 1 and 2 in a corner where no line goes; none where every corner is taken. `seen` are logarithms."""
    low, high = np.log([axis.get_xlim(), axis.get_ylim()]).T
    span = high - low
    length, fall = 0.12, 2 * 0.12 * span[0] / span[1]
    # Lower left and upper right corner, as shares of the panel: place of the upper left end of the guides.
    for x, y in ((0.03, min(0.1 + fall, 0.6)), (0.78, 0.95)):
        near = (seen - low) / span - (x, y)
        wide = (near[:, 0] > -0.05) & (near[:, 0] < 0.25) & (near[:, 1] < 0.06) & (near[:, 1] > -fall - 0.06)
        if not wide.any() and y - fall > 0:
            break
    else:
        return
    start = low + np.array([x, y]) * span
    for order in (1, 2):
        end = start + length * span[0] * np.array([1, -order])
        axis.plot(*np.exp([start, end]).T, color=GREY, linewidth=0.9, linestyle=":", zorder=0)
        axis.annotate(f"slope {order}", tuple(np.exp(end)), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7.5,
                      color=GREY)  # fmt: skip


def local_map(solver: Solver, grid: Grid, spectrum: Spectrum, eta: float | np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Share of every step in the final relative error of the standard deviation, over 120 eigenvalues.

    The signed contribution Phi^2 delta/(2 v_N) of theory.md, eqs. 65 to 67.

    Returns
    -------
    dict
        `sigma` (N + 1,), `edges` (121,) of the eigenvalues, `share` (N, 120), `to_zero`: whether the last step goes to 0.
    """
    positive = spectrum.eig[spectrum.eig > spectrum.max * 1e-12]
    eig = np.geomspace(positive[0], positive[-1] if positive[-1] < positive[0] else positive[0] / 10, 120)
    defects = LocalDefects(run_table(solver, grid, eta), Spectrum(np.ascontiguousarray(eig), np.ones_like(eig)))
    table = defects.table
    end = table.alpha[-1] ** 2 * eig + table.level[-1] ** 2
    share = defects.variance_steps / (2 * end)
    # Pure noise and the data stand beyond the last level, or beyond the data where there is none.
    levels = grid.sigmas[np.isfinite(grid.sigmas) & (grid.sigmas > 0)]
    high, low = (levels[0], levels[-1]) if levels.size else (float(np.sqrt(eig[0])), float(np.sqrt(eig[-1])))
    sigma = np.where(np.isfinite(grid.sigmas), grid.sigmas, 3 * high)
    sigma = np.where(sigma > 0, sigma, low / 3)
    to_zero = np.array(grid.sigmas[-1] == 0)
    return {"sigma": sigma, "edges": np.geomspace(eig[0], eig[-1], eig.size + 1), "share": share, "to_zero": to_zero}


@styled
def error_map(solver: Solver, grid: Grid, spectrum: Spectrum, eta: float | None = None) -> Any:
    """Picture of :func:`local_map` alone."""
    canvas, axes = figure(8, [4.6])
    error_mesh(canvas, axes[0], local_map(solver, grid, spectrum, eta))
    finite = grid.sigmas[np.isfinite(grid.sigmas)]
    where = f"{grid.process.name}, sigma {finite[0]:g} to {finite[-1]:g}" if finite.size > 1 else grid.process.name
    titled(canvas, f"{solver.name}, {grid.steps} steps", spectrum.source, where)
    return canvas
