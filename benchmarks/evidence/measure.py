"""Measure cases and write one results file each: every rule and the default, per solver and number of calls.

python benchmarks/evidence/measure.py [--cases digits,own_patches,hsc32] [--calls 5,8,12,20] [--every]
[--solvers euler,heun,dpmpp_2m] [--out benchmarks/evidence/results]

Cells that a results file has and that are not asked for stay in it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import exact
import numpy as np
from case import Case
from cells import (
    BESIDE,
    CALLS,
    DETERMINISTIC,
    FIXED,
    MULTISTEP,
    OTHERS,
    SPECTRAL,
    STOCHASTIC,
    Ledger,
    between,
    fixed_grid,
    optimal_grid,
    steps_for,
)

from diffopt.objectives import OBJECTIVES
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS

RESULTS = Path(__file__).parent / "results"
SOLVERS_MEASURED = tuple(name for name in (*DETERMINISTIC, *STOCHASTIC) if name.partition("@")[0] in SOLVERS)


def find(name: str) -> Case:
    """A case by name; torch and jax are imported only where their networks are asked for."""
    if name in exact.CASES:
        return exact.CASES[name]()
    module = __import__("own" if name.startswith("own") else "galaxies")
    return module.case(name)


def measure(case: Case, solvers: list[str], calls: list[int], every: bool, out: Path) -> None:
    """Cells of a case, saved after each; what is known from an earlier run is not computed again."""
    ledger, path = Ledger(case), out / f"{case.name}.json"
    out.mkdir(parents=True, exist_ok=True)
    rows = {(r["solver"], r["calls"]): r for r in (json.loads(path.read_text()) if path.exists() else [])}
    names = (*FIXED, *OTHERS, *SPECTRAL) if every else (*FIXED, *BESIDE)
    for solver in solvers:
        for budget in calls:
            steps = steps_for(solver, budget)
            grids = {rule: fixed_grid(case, rule, steps) for rule in names}
            grids |= {"diffopt": optimal_grid(case, solver, steps)}
            grids |= {"shared": between(grids["diffopt"], optimal_grid(case, "euler", steps))} if solver in MULTISTEP else {}
            grids |= {"exact_optimum": optimal_grid(case, solver, steps, OBJECTIVES["frechet"]())} if every else {}
            errors = {rule: cell(case, ledger, solver, grid) for rule, grid in grids.items() if grid is not None}
            rows[solver, budget] = {
                "case": case.name, "kind": case.kind, "solver": solver, "calls": budget, "steps": steps, "errors": errors,
            }  # fmt: skip
            ordered = sorted(rows.values(), key=lambda r: (SOLVERS_MEASURED.index(r["solver"]), r["calls"]))
            path.write_text(json.dumps(ordered) + "\n")
        ledger.save()
        print(case.name, solver, flush=True)


def cell(case: Case, ledger: Ledger, solver: str, grid: np.ndarray) -> dict[str, float]:
    """Measured errors of one grid, and the predicted one, to five digits."""
    errors = ledger.errors(solver, grid) | {"predicted": predicted(case, solver, grid)}
    return {name: float(f"{value:.5g}") for name, value in errors.items()}


def predicted(case: Case, solver: str, grid: np.ndarray) -> float:
    """The default objective of a grid on the case's spectrum."""
    name, _, eta = solver.partition("@")
    problem = Problem.create(case.spectrum, VE(), SOLVERS[name](), len(grid) - 1, case.sigma_max, case.sigma_min)
    return float(evaluate(problem, Grid.create(VE(), grid), float(eta) if eta else None).errors()["robust"])


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(exact.CASES))
    parser.add_argument("--calls", default=",".join(map(str, CALLS)))
    parser.add_argument("--solvers", default=",".join(SOLVERS_MEASURED))
    parser.add_argument("--every", action="store_true", help="all rules, all spectral designs and the exact optimum")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    for name in args.cases.split(","):
        measure(find(name), args.solvers.split(","), [int(c) for c in args.calls.split(",")], args.every, args.out)


if __name__ == "__main__":
    main()
