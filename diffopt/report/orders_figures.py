"""Log-log pictures of convergence, and the map of where along a run the error is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.law.local_errors import LocalDefects
from diffopt.processes.grid import Grid
from diffopt.report.figures import figure
from diffopt.solvers import Solver, run_table
from diffopt.studies.orders import Convergence


def convergence_picture(rows: Sequence[Convergence]) -> Any:
    """Error over N, one panel per metric, with slopes 1 and 2 for the eye."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    canvas, axes = figure(8, 4.2 * len(metrics), len(metrics), squeeze=False)
    for axis, metric in zip(axes[:, 0], metrics, strict=True):
        shown = [row for row in rows if row.metric == metric]
        for row in shown:
            slope = "" if row.order is None else f", order {row.order:.2f}"
            clock = f" ({row.clock})" if row.clock else ""
            axis.loglog(row.steps, row.errors, marker="o", markersize=3, label=f"{row.solver}{clock}{slope}")
        finite = [e for row in shown for e in row.errors if np.isfinite(e) and e > 0]
        n = np.array([min(s for r in shown for s in r.steps), max(s for r in shown for s in r.steps)], float)
        for order in (1, 2):
            axis.loglog(n, max(finite) * (n / n[0]) ** -order, color="#bbbbbb", linewidth=0.8, zorder=0)
        axis.set(xlabel="steps N", ylabel=f"{metric} error")
        axis.legend(loc="lower left", frameon=False, fontsize=7)
    return canvas


def error_map(solver: Solver, grid: Grid, spectrum: Spectrum, eta: float | None = None) -> Any:
    """Share of every step in the final relative error of the standard deviation: log sigma over log eig.

    Colour is the signed contribution Phi^2 delta/(2 v_N) of theory.md, eqs. 65 to 67.
    """
    positive = spectrum.eig > 0
    short = Spectrum(spectrum.eig[positive], spectrum.weight[positive])
    eig = np.geomspace(short.eig[-1], short.eig[0], 120)[::-1]
    defects = LocalDefects(run_table(solver, grid, eta), Spectrum(np.ascontiguousarray(eig), np.ones_like(eig)))
    table = defects.table
    end = table.alpha[-1] ** 2 * eig + table.level[-1] ** 2
    share = defects.variance_steps / (2 * end)
    canvas, axis = figure(8, 5)
    sigma = np.where(np.isfinite(grid.sigmas), grid.sigmas, 3 * np.max(grid.sigmas[np.isfinite(grid.sigmas)]))
    sigma = np.where(sigma > 0, sigma, sigma[sigma > 0][-1] / 3)
    edges = np.geomspace(eig[0], eig[-1], eig.size + 1)
    top = float(np.max(np.abs(share)))
    mesh = axis.pcolormesh(sigma, edges, share.T, cmap="RdBu_r", vmin=-top, vmax=top, shading="flat")
    axis.set(xscale="log", yscale="log", xlabel="sigma", ylabel="eigenvalue")
    axis.plot(np.sqrt(eig), eig, color="black", linewidth=0.8, linestyle="--", label="sigma = sqrt(eig)")
    axis.legend(loc="upper right", frameon=False, fontsize=8)
    axis.invert_xaxis()
    canvas.colorbar(mesh, ax=axis, label="contribution to the relative error of the final standard deviation")
    axis.set_title(f"{solver.name}, {grid.steps} steps: where the error is made", fontsize=10)
    return canvas
