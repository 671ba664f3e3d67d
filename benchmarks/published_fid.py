"""Published FIDs of a trained network against exact errors on the spectrum of its data: no network, no GPU.

    python benchmarks/published_fid.py FIDS.csv EIGENVALUES.npy

FIDS.csv has the columns solver, grid, denoiser_calls, fid; grids are `karras` (rho 7) and `log_uniform` from 80 to
0.002 with N + 1 points, and `gits_6`. Prints, for every objective, Spearman's rank correlation with the published
FID over all cells and at equal calls, the correlation of logarithms, and predicted beside published ratios of pairs
of grids under the same solver and calls (or two orders of it).
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from diffopt.data.compression import short
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.objectives import OBJECTIVES
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS, Solver, run_table

HIGH, LOW = 80.0, 0.002
GITS = {"gits_6": (80.0, 10.9836, 3.8811, 1.584, 0.5666, 0.1698, 0.002)}
#: Grids by the name in the table; the schedules end at 0.002.
RULES = {"karras": "karras", "log_uniform": "exponential"}
#: Calls at which solvers are compared with each other.
EQUAL = (4, 6, 8, 10)


@dataclass(frozen=True)
class Cell:
    """One published number."""

    solver: str
    grid: str
    calls: int
    fid: float


def read(path: Path) -> list[Cell]:
    """Cells of the table."""
    with path.open(encoding="utf-8") as stream:
        return [Cell(r["solver"], r["grid"], int(r["denoiser_calls"]), float(r["fid"])) for r in csv.DictReader(stream)]


def solver_of(name: str) -> Solver:
    """`ipndm_3` and `unipc_3` are orders of a solver."""
    base, _, order = name.rpartition("_")
    if name not in SOLVERS and order.isdigit():
        return SOLVERS[base](order=int(order))  # type: ignore[call-arg]
    return SOLVERS[name]()


def grid_of(cell: Cell, solver: Solver) -> Grid:
    """Noise ratios of a cell; without a last step to 0 every step has all its stages."""
    if cell.grid in GITS:
        return Grid.create(VE(), GITS[cell.grid])
    return SCHEDULES[RULES[cell.grid]]().grid(Span(VE(), cell.calls // solver.stages, HIGH, LOW, "sigma_min"))


def predictions(cells: list[Cell], spectrum: Spectrum) -> dict[str, list[float]]:
    """Every objective at every cell."""
    found: dict[str, list[float]] = {}
    few = short(spectrum, "exact")
    for name, cls in OBJECTIVES.items():
        objective = cls()
        prepared = objective.prepare(few)
        values = []
        for cell in cells:
            solver = solver_of(cell.solver)
            table = run_table(solver, grid_of(cell, solver))
            with np.errstate(all="ignore"):
                try:
                    values.append(objective.value(table, prepared, "exact"))
                except UnsupportedError:
                    values.append(float("nan"))
        found[name] = values
    return found


def rank(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation where both are finite."""
    keep = np.isfinite(a) & np.isfinite(b)
    return float(spearmanr(a[keep], b[keep]).statistic) if keep.sum() > 2 else float("nan")


def pairs(cells: list[Cell]) -> list[tuple[int, int]]:
    """Cells of one solver family and number of calls that differ in the grid."""
    family = [cell.solver.split("_")[0] if cell.solver.startswith("ipndm") else cell.solver for cell in cells]
    return [
        (i, j) for i, a in enumerate(cells) for j, b in enumerate(cells)
        if a.grid != "karras" and b.grid == "karras" and b.solver == family[j] == family[i] and a.calls == b.calls
    ]  # fmt: skip


def main(fids: Path, eigenvalues: Path) -> None:
    """Print the tables."""
    cells = read(fids)
    spectrum = Spectrum.create(np.maximum(np.load(eigenvalues).astype(float), 0), source=eigenvalues.name)
    fid = np.array([cell.fid for cell in cells])
    calls = np.array([cell.calls for cell in cells])
    found = {name: np.array(v) for name, v in predictions(cells, spectrum).items()}
    found = {name: v for name, v in found.items() if np.isfinite(v).sum() > 2}
    print(f"{len(cells)} cells\n{'objective':22} {'all':>6} {'log':>6} " + " ".join(f"{n:>6}" for n in EQUAL) + "   mean")
    for name, value in found.items():
        equal = [rank(value[calls == n], fid[calls == n]) for n in EQUAL]
        keep = np.isfinite(value)
        log = np.corrcoef(np.log(value[keep]), np.log(fid[keep]))[0, 1]
        row = " ".join(f"{r:6.2f}" for r in equal)
        print(f"{name:22} {rank(value, fid):6.3f} {log:6.3f} {row} {np.mean(equal):6.3f}")
    print("\nratios to the karras grid (ipndm_3 on log_uniform to ipndm on karras): published, then predicted")
    print(f"{'pair':30} {'fid':>6} " + " ".join(f"{name[:12]:>12}" for name in found))
    for i, j in pairs(cells):
        label = f"{cells[i].solver} {cells[i].grid} {cells[i].calls}"
        ratios = " ".join(f"{value[i] / value[j]:12.2f}" for value in found.values())
        print(f"{label:30} {fid[i] / fid[j]:6.2f} {ratios}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
