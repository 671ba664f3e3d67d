"""Does the eta that `diffopt eta` finds for a wrong score pay in simulation? Drawn data, grids, solvers and score errors.

PYTHONPATH=. python benchmarks/eta_gain.py [--cases 24] [--count 20000] [--seed 1]

A case counts where the tool says that an eta beats both none and 1 by a twentieth. The real loop with the wrong denoiser is
run on Gaussian data and on a mixture with the same covariance, from noised data as the tool assumes, with common random
numbers. Errors of zero mean are drawn anew in every call.
"""

from __future__ import annotations

import argparse

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.schedules import SCHEDULES
from diffopt.simulation.mixture import Mixture
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.model_error import ModelError
from diffopt.solvers.score_error import parse_score_error
from diffopt.studies.eta import NoiseStudy

SOLVER_NAMES = ("ddim", "euler_maruyama", "dpmpp_2m_sde", "dpmpp_sde")
RULES = ("{:.3f}", "noise:{:.3f}", "data:{:.3f}", "absolute:{:.3f}", "random:absolute:{:.3f}")


def mixture(rng: np.random.Generator, size: int) -> Mixture:
    """Three clusters with axes of their own, centred."""
    share = rng.dirichlet(5 * np.ones(3))
    means = rng.normal(scale=rng.uniform(0.5, 2.0), size=(3, size))
    means -= share @ means
    return Mixture.create(share, means, variances=np.exp(rng.uniform(-3, 0.5, size=(3, size))))


def distance(samples: np.ndarray, covariance: np.ndarray) -> float:
    """Frechet distance of the moments to mean 0 and a covariance."""
    root = np.linalg.cholesky(covariance)
    found, mean = np.cov(samples.T), samples.mean(axis=0)
    inner = np.linalg.eigvalsh(root.T @ found @ root).clip(0)
    return float(np.sqrt(max(mean @ mean + np.trace(found) + np.trace(covariance) - 2 * np.sqrt(inner).sum(), 0)))


def case(seed: int, count: int) -> dict[str, object] | None:
    """One case, or None where no eta is said to beat both ends."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3, 6))
    data = mixture(rng, size)
    covariance = data.covariance()
    end = np.sqrt(covariance.trace() / size) * 0.02
    sign = rng.choice([-1, 1])
    rule = str(rng.choice(RULES))
    amount = rng.uniform(0.02, 0.15) if "random" in rule or "absolute" in rule else sign * rng.uniform(0.02, 0.15)
    error = parse_score_error(rule.format(amount))
    name, steps = str(rng.choice(SOLVER_NAMES)), int(rng.integers(12, 60))
    ask = Problem.create(
        Spectrum.create(np.linalg.eigvalsh(covariance)), PROCESSES["ve"](), SOLVERS[name](), steps, 15.0, end, "sigma_min"
    )
    grid = SCHEDULES[str(rng.choice(["karras", "exponential", "polyexponential"]))]().grid(ask.span)
    study = NoiseStudy(ask, grid, error)
    best = float(study.solve("constant", "exact").eta[0])
    said = {eta: study.error("exact", eta) for eta in (0.0, best, 1.0)}
    if not said[best] < 0.95 * min(said[0.0], said[1.0]):
        return None
    gaussian = Mixture.create([1.0], np.zeros((1, size)), covariances=covariance[None])
    seen = {}
    for label, target in (("gaussian", gaussian), ("mixture", data)):
        seen[label] = {eta: simulated(target, covariance, ask, grid, eta, error, count, seed) for eta in said}
    return {"label": f"{name}, {steps} steps, {error.text}", "best": best, "said": said, "seen": seen}


def simulated(
    target: Mixture, covariance: np.ndarray, ask: Problem, grid: Grid, eta: float, error: ModelError, count: int, seed: int
) -> float:
    """Distance of the samples of the real loop with the wrong denoiser, to the data with the last level's noise."""
    rng, other = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    size = covariance.shape[0]
    eig, basis = np.linalg.eigh(covariance)
    start = target.draw(count, rng) + grid.sigmas[0] * rng.standard_normal((count, size))

    def wrong(z: np.ndarray, alpha: float, level: float) -> np.ndarray:
        sigma, exact = level / alpha, target.denoise(z, alpha, level)
        r = error.size(eig, np.array(sigma))
        if error.random:
            return exact + (r * other.standard_normal(z.shape)) @ basis.T
        if error.kind == "relative":
            return exact + error.rule(eig, np.array(sigma)) * (exact - z)
        return exact - ((z @ basis) * (r / np.sqrt(eig + sigma**2))) @ basis.T

    table = run_table(ask.solver, grid, eta)
    out = sample(table, wrong, start, rng)
    return distance(out, covariance + grid.sigmas[-1] ** 2 * np.eye(size))


def main() -> None:
    """Table and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    wins, total, said_so = {"gaussian": 0, "mixture": 0}, 0, 0
    print("| case | eta | said: 0, eta, 1 | Gaussian: 0, eta, 1 | mixture: 0, eta, 1 |\n|---|---|---|---|---|")
    seed = 1000 * args.seed
    while said_so < args.cases and total < 20 * args.cases:
        found, total, seed = case(seed, args.count), total + 1, seed + 1
        if found is None:
            continue
        said_so += 1
        cells = [", ".join(f"{v:.3f}" for v in part.values()) for part in (found["said"], *found["seen"].values())]
        print(f"| {found['label']} | {found['best']:.3f} | {' | '.join(cells)} |", flush=True)
        for label, part in found["seen"].items():
            wins[label] += part[found["best"]] < min(part[0.0], part[1.0])
    print(f"\n{said_so} of {total} drawn cases are said to gain; " + ", ".join(f"{v} hold on {k}" for k, v in wins.items()))


if __name__ == "__main__":
    main()
