"""Grids from a network's denoising errors alone, `diffopt spectrum from-loss`, beside those from the covariance.

python benchmarks/evidence/curves.py [--cases own_patches,hsc32] [--solvers heun,dpmpp_2m,euler] [--calls 5,8,12] [--table]

The curve is the mean square of D(x0 + sigma n) - x0 at thirty levels over the case's data.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from case import Case
from cells import FIXED, Ledger, fixed_grid, optimal_grid, steps_for
from measure import RESULTS, find

from diffopt.data.spectrum import Spectrum
from diffopt.estimation.from_loss import spectrum_from_loss

METRICS = ("rmse", "median", "frechet", "sliced")


def curve(case: Case, levels: int = 30, count: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Noise ratios and errors summed over the sample."""
    rng = np.random.default_rng(8)
    assert case.data is not None
    clean = case.data[rng.integers(len(case.data), size=count)]
    sigma = np.geomspace(max(case.sigma_min, 0.01), case.sigma_max, levels)
    errors = []
    for s in sigma:
        noisy = clean + s * rng.standard_normal(clean.shape)
        errors.append(float(np.mean(np.sum((case.target.denoise(noisy, 1.0, s) - clean) ** 2, axis=1))))
    return sigma, np.array(errors)


def fitted(case: Case, measured: tuple[np.ndarray, np.ndarray], cap: float | None = None) -> Spectrum:
    """Spectrum of the curve; with `cap` of the levels up to it, and no eigenvalue above the covariance's largest."""
    sigma, errors = measured
    top = None if cap is None else float(case.spectrum.eig.max())
    return spectrum_from_loss(sigma, errors, sigma_cap=cap, eig_cap=top).spectrum


def study(name: str, solvers: list[str], calls: list[int], count: int = 256) -> list[dict[str, Any]]:
    """Cells of a case: the best fixed rule's error over that of the grids from the covariance, the curve, the capped curve."""
    case = find(name)
    ledger, measured = Ledger(case), curve(case, count=count)
    spectra = {"covariance": case.spectrum, "curve": fitted(case, measured), "capped": fitted(case, measured, 12.0)}
    rows = []
    for solver in solvers:
        for budget in calls:
            steps = steps_for(solver, budget)
            rules = [ledger.errors(solver, g) for g in (fixed_grid(case, rule, steps) for rule in FIXED) if g is not None]
            row: dict[str, Any] = {"case": name, "solver": solver, "calls": budget}
            for label, spectrum in spectra.items():
                errors = ledger.errors(solver, optimal_grid(replace(case, spectrum=spectrum), solver, steps))
                row[label] = {m: float(f"{min(r.get(m, np.inf) for r in rules) / errors[m]:.4g}") for m in METRICS}
            rows.append(row)
        ledger.save()
    return rows


def note(name: str, solvers: list[str], calls: list[int], folder: Path, count: int = 256) -> None:
    """Keep the cells of a case beside the results."""
    rows = study(name, solvers, calls, count)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(rows) + "\n")
    print(name, flush=True)


def table(folder: Path) -> str:
    """Cells won, geometric mean and worst ratio to the best fixed rule, by case."""
    rows = [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text())]
    lines = [f"| | spectrum | {' | '.join(METRICS)} |", "|---|---|---|---|---|---|"]
    groups = {"pretrained": [r for r in rows if not r["case"].startswith("own")]}
    groups |= {name: [r for r in rows if r["case"] == name] for name in dict.fromkeys(r["case"] for r in rows)}
    for label, some in groups.items():
        for kind in ("covariance", "curve", "capped"):
            parts = []
            for metric in METRICS:
                found = np.array([row[kind][metric] for row in some])
                parts.append(f"{np.sum(found >= 1)} of {found.size}, {np.exp(np.log(found).mean()):.2f}, {found.min():.2f}")
            lines.append(f"| {label} | {kind} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what was asked for, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="own_digits,own_patches,hsc32,ztf32,hsclog32")
    parser.add_argument("--solvers", default="heun,dpmpp_2m,euler")
    parser.add_argument("--calls", default="5,8,12")
    parser.add_argument("--count", type=int, default=256, help="samples of a curve")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS / "curves")
    args = parser.parse_args()
    if args.table:
        print(table(args.out))
        return
    for name in args.cases.split(","):
        note(name, args.solvers.split(","), [int(c) for c in args.calls.split(",")], args.out, args.count)


if __name__ == "__main__":
    main()
