"""Is the optimum the best there is? Euler and Heun, exact Frechet error, sigma 80 to 0.

For N = 10, 20, 50 the optimized grid is compared with (a) every named schedule and (b) other optimizers
(SLSQP and L-BFGS-B with finite differences, Powell, random restarts, each polished) that minimize an
independent, literal implementation of the error on all eigenvalues.

    python benchmarks/optimality.py SPECTRUM [--quick]
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from scipy.optimize import minimize

from diffopt.documents.spectrum_file import load_spectrum
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.schedules import SCHEDULES
from diffopt.search.descent import optimize
from diffopt.search.starts import applicable
from diffopt.solvers import SOLVERS

TOP, BOTTOM = 80.0, 0.002


def literal(eig: np.ndarray, weight: np.ndarray, sigmas: np.ndarray, solver: str) -> float:
    """Frechet error by the textbook loop, no code shared with the package."""
    std = np.sqrt(eig + sigmas[0] ** 2)
    for s, t in zip(sigmas[:-1], sigmas[1:], strict=True):
        slope = (1 - eig / (eig + s**2)) / s
        gain = 1 + (t - s) * slope
        if solver == "heun" and t > 0:
            gain = 1 + (t - s) * (slope + gain * (1 - eig / (eig + t**2)) / t) / 2
        std = std * gain
    return float(np.sqrt(weight @ (np.abs(std) - np.sqrt(eig)) ** 2))


def decode(x: np.ndarray) -> np.ndarray:
    """Interior noise ratios sorted inside the range, any real x."""
    e = np.exp(x - x.max())
    levels = np.log(TOP) - np.log(TOP / BOTTOM) * np.cumsum(e / e.sum())[:-1]
    return np.concatenate([[TOP], np.exp(levels), [0.0]])


def rivals(eig: np.ndarray, weight: np.ndarray, steps: int, solver: str, restarts: int) -> dict[str, float]:
    """Best value of each other optimizer."""
    rng = np.random.default_rng(0)

    def loss(x: np.ndarray) -> float:
        return np.log(literal(eig, weight, decode(x), solver))

    found: dict[str, float] = {}
    for start in [np.zeros(steps), np.linspace(1, -1, steps), *rng.normal(0, 0.7, (restarts, steps))]:
        for method, options in (
            ("L-BFGS-B", {"maxfun": 10**5, "maxiter": 400, "ftol": 1e-15, "gtol": 1e-9}),
            ("SLSQP", {"maxiter": 300, "ftol": 1e-13}),
        ):
            value = minimize(loss, start, method=method, options=options)
            found[method] = min(found.get(method, np.inf), float(np.exp(value.fun)))
    if steps <= 20:
        value = minimize(loss, np.zeros(steps), method="Powell", options={"maxfev": 20000, "xtol": 1e-8, "ftol": 1e-14})
        found["Powell"] = float(np.exp(value.fun))
    return found


def main() -> int:
    """Print one line per solver and budget; exit code 1 when something is better by more than 0.01 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spectrum", nargs="?", default="builtin:photos")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    spectrum = load_spectrum(args.spectrum)
    eig, index = np.unique(spectrum.eig, return_inverse=True)
    weight = np.bincount(index, spectrum.weight)
    worst = 0.0
    for solver in ("euler", "heun"):
        for steps in (10, 20) if args.quick else (10, 20, 50):
            problem = Problem.create(spectrum, VE(), SOLVERS[solver](), steps, TOP, BOTTOM)
            result = optimize(problem, OBJECTIVES["frechet"]())
            ours = literal(eig, weight, result.grid.sigmas, solver)
            rows = {
                name: literal(eig, weight, grid.sigmas, solver)
                for name, grid in applicable(problem, list(SCHEDULES)).items()
            }
            row = min(rows, key=rows.__getitem__)
            others = rivals(eig, weight, steps, solver, 1 if args.quick or steps > 20 else 4)
            best = min(others, key=others.__getitem__)
            gain = ours / min(rows[row], others[best]) - 1
            worst = max(worst, gain)
            print(
                f"{solver:6s} N={steps:3d} ours {ours:.8f}  best row {row} {rows[row]:.6f}  "
                f"best optimizer {best} {others[best]:.8f}  ours above the best by {100 * gain:+.5f} %"
            )
    return 1 if worst > 1e-4 else 0


if __name__ == "__main__":
    sys.exit(main())
