"""The `--n-boot` part of `spectrum estimate`: bands, and what they do to the optimized grid."""

from __future__ import annotations

from typing import Any

from diffopt.estimation.bootstrap import Bands, bands, grid_bands
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.result import Estimate
from diffopt.foundation.names import check_name
from diffopt.solvers import SOLVERS, Solver
from diffopt.studies.resampling import functions


def boot_facts(
    result: Estimate, engine: Engine, count: int, seed: int, solver: str, steps: int, notes: list[str]
) -> dict[str, Any]:
    """Entries `bootstrap` and `notes` of the output file."""
    found = bands(result, engine, count, seed)
    entry, added = found.facts(), _spread(found)
    best, error = functions(pick_solver(solver), steps)
    grid: dict[str, Any] = {"solver": solver, "steps": steps}
    entry["grid"] = grid | grid_bands(result.spectrum, found, best, error)
    added.append(_loss(entry["grid"]))
    return {"bootstrap": entry, "notes": [*notes, *added]}


def _spread(found: Bands) -> list[str]:
    width = (found.high[0] - found.low[0]) / found.center[0]
    lines = [f"bootstrap: the 90 % band of the largest eigenvalue is {100 * width:.3g} % wide"]
    if not (found.low[0] <= found.center[0] <= found.high[0]):
        lines.append(
            "the estimate lies outside of its band: too few samples for a bootstrap (it repeats the bias)"
        )
    return lines


def _loss(grid: dict[str, Any]) -> str:
    return (
        f"grids of {grid['steps']} {grid['solver']} steps optimized from the replicates lose "
        f"{100 * grid['loss_median']:.3g} % (median), {100 * grid['loss_95']:.3g} % (95 %) of exact error"
    )


def pick_solver(name: str) -> Solver:
    """Solver by name, with its defaults.

    Raises
    ------
    InputError
        An unknown name.
    """
    check_name(name, SOLVERS, "--boot-solver")
    return SOLVERS[name]()
