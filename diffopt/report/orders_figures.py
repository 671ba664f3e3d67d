"""Pictures of convergence, and the map of where along a run the error is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.law.local_errors import LocalDefects
from diffopt.processes.grid import Grid
from diffopt.report.figures import error_mesh
from diffopt.report.style import GREY, LINES, MARKERS, PALE, figure, log_axis, plain, spread, styled
from diffopt.solvers import SOLVERS, Solver, run_table
from diffopt.studies.orders import Convergence


@styled
def convergence_picture(rows: Sequence[Convergence], title: str = "") -> Any:
    """Error over denoiser calls, one panel per metric; names beside the lines, slopes 1 and 2 in grey."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    canvas, axes = figure(9, [3.9] * len(metrics))
    for axis, metric in zip(axes, metrics, strict=True):
        _panel(axis, [row for row in rows if row.metric == metric], metric)
    canvas.suptitle(plain(title or "Errors of solvers against their cost"), fontsize=11, x=0.01, ha="left")
    return canvas


def _panel(axis: Any, rows: Sequence[Convergence], metric: str) -> None:
    ends, names = [], []
    for i, row in enumerate(rows):
        calls = np.asarray(_calls(row), dtype=float)
        errors = np.asarray(row.errors, dtype=float)
        keep = np.isfinite(errors) & (errors > 0)
        if not keep.any():
            continue
        axis.plot(calls[keep], errors[keep], color=LINES[i % 8], marker=MARKERS[(i + i // 8) % 8], markersize=4, linewidth=1.3,
                  linestyle="-" if i < 8 else "--")  # fmt: skip
        ends.append((float(calls[keep][-1]), float(errors[keep][-1]), LINES[i % 8]))
        slope = "" if row.order is None else f", order {row.order:.2f}"
        names.append(f"{row.solver}{f' ({row.clock})' if row.clock else ''}{slope}")
    if not ends:
        return
    _guides(axis, rows)
    low, high = axis.get_ylim()
    low = max(low, min(y for _, y, _ in ends) / 3)
    log_axis(axis, "y", low, high)
    right = max(x for x, _, _ in ends)
    log_axis(axis, "x", min(axis.get_xlim()[0], right / 2), right * 1.05)
    heights = spread([np.log(y) for _, y, _ in ends], 0.045 * np.log(axis.get_ylim()[1] / axis.get_ylim()[0]))
    for (x, y, colour), height, name in zip(ends, heights, names, strict=True):
        axis.annotate(plain(name), (x, y), xytext=(1.01, float(np.exp(height))), textcoords=axis.get_yaxis_transform(),
                      fontsize=8, color=colour, va="center", annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5})  # fmt: skip
    axis.grid(True, which="major", color=PALE, linewidth=0.6)
    unit = "data units squared" if metric == "weak" else "data units"
    axis.set(xlabel="denoiser calls", ylabel=f"{metric} error ({unit})")


def _calls(row: Convergence) -> list[int]:
    """Model calls of each step count, on grids that end above 0."""
    return [SOLVERS[row.solver]().calls(steps, to_data=False) for steps in row.steps]


def _guides(axis: Any, rows: Sequence[Convergence]) -> None:
    """Slopes 1 and 2 through the largest error of the shortest runs."""
    calls = [c for row in rows for c in _calls(row)]
    errors = [e for row in rows for e in row.errors if np.isfinite(e) and e > 0]
    axis.set_yscale("log")
    axis.set_xscale("log")
    n = np.array([min(calls), max(calls)], dtype=float)
    for order in (1, 2):
        line = max(errors) * (n / n[0]) ** -order
        axis.plot(n, line, color=GREY, linewidth=0.7, linestyle=":", zorder=0)
        axis.annotate(f"slope {order}", (n[1], line[1]), xytext=(-4, 3), textcoords="offset points", ha="right", fontsize=7,
                      color=GREY)  # fmt: skip
    axis.set_ylim(min(errors) / 2, max(errors) * 1.6)


def local_map(solver: Solver, grid: Grid, spectrum: Spectrum, eta: float | np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Share of every step in the final relative error of the standard deviation, over 120 eigenvalues.

    The signed contribution Phi^2 delta/(2 v_N) of theory.md, eqs. 65 to 67.

    Returns
    -------
    dict
        `sigma` (N + 1,), `edges` (121,) of the eigenvalues, `share` (N, 120).
    """
    positive = spectrum.eig[spectrum.eig > spectrum.max * 1e-12]
    eig = np.geomspace(positive[0], positive[-1] if positive[-1] < positive[0] else positive[0] / 10, 120)
    defects = LocalDefects(run_table(solver, grid, eta), Spectrum(np.ascontiguousarray(eig), np.ones_like(eig)))
    table = defects.table
    end = table.alpha[-1] ** 2 * eig + table.level[-1] ** 2
    share = defects.variance_steps / (2 * end)
    sigma = np.where(np.isfinite(grid.sigmas), grid.sigmas, 3 * np.max(grid.sigmas[np.isfinite(grid.sigmas)]))
    sigma = np.where(sigma > 0, sigma, sigma[sigma > 0][-1] / 3)
    return {"sigma": sigma, "edges": np.geomspace(eig[0], eig[-1], eig.size + 1), "share": share}


@styled
def error_map(solver: Solver, grid: Grid, spectrum: Spectrum, eta: float | None = None) -> Any:
    """Picture of :func:`local_map` alone."""
    canvas, axes = figure(8, [4.6])
    error_mesh(canvas, axes[0], local_map(solver, grid, spectrum, eta))
    canvas.suptitle(plain(f"{solver.name}, {grid.steps} steps"), fontsize=11, x=0.01, ha="left")
    return canvas
