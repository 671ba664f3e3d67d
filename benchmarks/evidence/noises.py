"""Does the shared grid's gain hold for other noises? DPM++ 2M on its own and on the shared grid, from other seeds.

python benchmarks/evidence/noises.py [--cases heavy,hsc32] [--steps 5,8,12] [--seeds 11,12,13] [--table]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from case import Case
from cells import between, optimal_grid
from measure import RESULTS, find

from diffopt.schedules.fixed.k_diffusion import Karras
from diffopt.simulation.distance import frechet, median_gap, pathwise
from diffopt.simulation.run import Batch, run

SOLVER = "dpmpp_2m"
METRICS = {"rmse": pathwise, "median": median_gap, "frechet": frechet}


@dataclass(frozen=True)
class Ratio:
    """Error of the solver's own grid over that of the shared one, by metric; above 1 the shared one is nearer."""

    case: str
    steps: int
    seed: int
    rmse: float
    median: float
    frechet: float


def ratios(case: Case, steps: list[int], seed: int) -> list[Ratio]:
    """Against a fine run from the same noise (60 Heun steps at least)."""
    grids = [np.asarray(Karras().grid(case.span(max(60, case.fine // 2))).sigmas)]
    for n in steps:
        own = optimal_grid(case, SOLVER, n)
        grids += [own, between(own, optimal_grid(case, "euler", n))]
    tables = [case.table("heun" if i == 0 else SOLVER, grid) for i, grid in enumerate(grids)]
    fine, *ends = run(Batch(case.target, case.count, seed, "sigma"), tables)
    found = []
    for n, own_end, shared_end in zip(steps, ends[::2], ends[1::2], strict=True):
        numbers = {name: round(d(own_end, fine) / d(shared_end, fine), 3) for name, d in METRICS.items()}
        found.append(Ratio(case.name, n, seed, **numbers))
    return found


def table(path: Path) -> str:
    """Ratios of all seeds, a line for each case and number of steps."""
    rows = [Ratio(**row) for row in json.loads(path.read_text())]
    lines = ["| case | steps | rmse | median | Frechet |", "|---|---|---|---|---|"]
    for case, n in dict.fromkeys((row.case, row.steps) for row in rows):
        some = [row for row in rows if (row.case, row.steps) == (case, n)]
        parts = [" ".join(f"{getattr(row, name):.2f}" for row in some) for name in METRICS]
        lines.append(f"| {case} | {n} | {' | '.join(parts)} |")
    means = [np.exp(np.mean([np.log(getattr(row, name)) for row in rows])) for name in METRICS]
    return "\n".join([*lines, f"| geometric mean | | {' | '.join(f'{m:.2f}' for m in means)} |"]) + "\n"


def note(names: list[str], steps: list[int], seeds: list[int], path: Path) -> None:
    """Keep the ratios of the cases beside those that are known."""
    rows = json.loads(path.read_text()) if path.exists() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        case = find(name)
        rows = [row for row in rows if row["case"] != name]
        for seed in seeds:
            rows += [vars(row) for row in ratios(case, steps, seed)]
            path.write_text(json.dumps(rows) + "\n")


def main() -> None:
    """Run what was asked for beside what is known, or print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="decay1,decay2,heavy,hsc32,ztf32,hsclog32")
    parser.add_argument("--steps", default="5,8,12")
    parser.add_argument("--seeds", default="11,12,13")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS / "noises" / "shared.json")
    args = parser.parse_args()
    if args.table:
        print(table(args.out))
        return
    note(args.cases.split(","), [int(n) for n in args.steps.split(",")], [int(n) for n in args.seeds.split(",")], args.out)


if __name__ == "__main__":
    main()
