"""Measure cases and write one results file each: every rule and the default, per solver and number of calls.

python benchmarks/evidence/measure.py [--cases digits,hsc32] [--calls 5,8,12,20] [--solvers euler,heun,dpmpp_2m]
[--every] [--out benchmarks/evidence/results]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import exact
from cells import CALLS, DETERMINISTIC, FIXED, OTHERS, SPECTRAL, STOCHASTIC, Ledger, fixed_grid, optimal_grid, steps_for

from diffopt.objectives import OBJECTIVES
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS

RESULTS = Path(__file__).parent / "results"
SOLVERS_MEASURED = tuple(name for name in (*DETERMINISTIC, *STOCHASTIC) if name.partition("@")[0] in SOLVERS)


def find(name: str):
    """A case by name; the networks are imported only when they are asked for."""
    if name in exact.CASES:
        return exact.CASES[name]()
    import galaxies

    return galaxies.case(name)


def measure(name: str, solvers: list[str], calls: list[int], every: bool, out: Path) -> None:
    """All cells of a case, saved after each; what is known from an earlier run is not computed again."""
    case, rows = find(name), []
    ledger = Ledger(case)
    names = (*FIXED, *OTHERS, *SPECTRAL) if every else FIXED
    for solver in solvers:
        for budget in calls:
            steps = steps_for(solver, budget)
            grids = {rule: fixed_grid(case, rule, steps) for rule in names}
            grids |= {"diffopt": optimal_grid(case, solver, steps)}
            grids |= {"exact_optimum": optimal_grid(case, solver, steps, OBJECTIVES["frechet"]())} if every else {}
            grids = {rule: grid for rule, grid in grids.items() if grid is not None}
            errors = {rule: ledger.errors(solver, grid) for rule, grid in grids.items()}
            for rule, grid in grids.items():
                errors[rule] = errors[rule] | {"predicted": predicted(case, solver, grid)}
            rows.append({"case": name, "kind": case.kind, "solver": solver, "calls": budget, "steps": steps, "errors": errors})
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{name}.json").write_text(json.dumps(rows) + "\n")
        ledger.save()
        print(name, solver, flush=True)


def predicted(case, solver: str, grid) -> float:
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
        measure(name, args.solvers.split(","), [int(c) for c in args.calls.split(",")], args.every, args.out)


if __name__ == "__main__":
    main()
