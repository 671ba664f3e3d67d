"""The `--n-boot` part of `spectrum estimate`: bands, and what they do to the optimized grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diffopt.errors import InputError
from diffopt.estimation.bootstrap import Bands, bands, grid_bands
from diffopt.estimation.estimate import Estimate
from diffopt.estimation.passes import Engine
from diffopt.grid_study import functions
from diffopt.solvers import SOLVERS, Solver

if TYPE_CHECKING:
    from diffopt.cli.spectrum_estimate import Request


def boot_facts(request: Request, result: Estimate, engine: Engine) -> dict[str, Any]:
    """Entries `bootstrap` and `notes` of the output file."""
    found = bands(result, engine, request.n_boot, request.seed)
    entry, notes = found.facts(), _spread(found)
    best, error = functions(pick_solver(request.boot_solver), request.boot_steps)
    grid: dict[str, Any] = {"solver": request.boot_solver, "steps": request.boot_steps}
    entry["grid"] = grid | grid_bands(result.spectrum, found, best, error)
    notes.append(_loss(request, entry["grid"]))
    return {"bootstrap": entry, "notes": [*result.facts()["notes"], *notes]}


def _spread(found: Bands) -> list[str]:
    width = (found.high[0] - found.low[0]) / found.center[0]
    lines = [f"bootstrap: the 90 % band of the largest eigenvalue is {100 * width:.3g} % wide"]
    if not (found.low[0] <= found.center[0] <= found.high[0]):
        lines.append(
            "the estimate lies outside of its band: too few samples for a bootstrap (it repeats the bias)"
        )
    return lines


def _loss(request: Request, grid: dict[str, Any]) -> str:
    return (
        f"grids of {request.boot_steps} {request.boot_solver} steps optimized from the replicates lose "
        f"{100 * grid['loss_median']:.3g} % (median), {100 * grid['loss_95']:.3g} % (95 %) of exact error"
    )


def pick_solver(name: str) -> Solver:
    """Solver by name, with its defaults.

    Raises
    ------
    InputError
        An unknown name.
    """
    if name not in SOLVERS:
        raise InputError(f"--boot-solver must be one of {', '.join(SOLVERS)}; got {name!r}")
    return SOLVERS[name]()
