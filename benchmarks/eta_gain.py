"""Does the eta that `diffopt eta` or `optimize --free eta` says to pay do so in simulation? Drawn data, grids, solvers, errors.

PYTHONPATH=. python benchmarks/eta_gain.py [--cases 24] [--gaussian 8] [--count 10000] [--seed 1] [--verb eta|optimize]

What is tried is the sentence that a user reads: "beats both 0 and 1 on Gaussian data", or also "where data with this spectrum
are not Gaussian". The real loop with the wrong denoiser is run on Gaussian data and, where the sentence says so, on a mixture
with the same covariance, from noised data as the tool assumes. Errors of zero mean are drawn anew in every call. Squared
distances are freed of the sampling error's 1/n by a jackknife over ten groups; where a difference is within three of its
standard errors, the case is drawn again with ten times the samples, and that decides.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

import diffopt
from diffopt import schedules
from diffopt.data.spectrum import Spectrum
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.report.noise_answers import claimed
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.wrong import Axes, Wrong
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.score_error import parse_score_error
from diffopt.studies.noise_errors import NoiseErrors

SOLVER_NAMES = ("ddim", "euler_maruyama", "dpmpp_2m_sde", "dpmpp_sde")
RULES = ("{:.3f}", "noise:{:.3f}", "data:{:.3f}", "absolute:{:.3f}", "random:absolute:{:.3f}", "loss:{:.3f}", "random:{:.3f}")
#: Groups of the jackknife, standard errors that are sure, and how many more samples are drawn where they are not reached.
GROUPS, SURE, MORE = 10, 3.0, 10
SCHEDULES = ("karras", "exponential", "polyexponential")


@dataclass(frozen=True, eq=False)
class Case:
    """Data, a question, and what the tool said."""

    data: Mixture
    rule: str
    solver: str
    clock: str | None
    sigmas: np.ndarray
    eta: float
    claim: str

    @property
    def label(self) -> str:
        """In words."""
        return f"{self.solver}{f' ({self.clock})' if self.clock else ''}, {len(self.sigmas) - 1} steps, {self.rule}"


def mixture(rng: np.random.Generator, size: int) -> Mixture:
    """Three clusters with axes of their own, centred."""
    share = rng.dirichlet(5 * np.ones(3))
    means = rng.normal(scale=rng.uniform(0.5, 2.0), size=(3, size))
    means -= share @ means
    return Mixture.create(share, means, variances=np.exp(rng.uniform(-3, 0.5, size=(3, size))))


def drawn(seed: int, verb: str) -> Case | None:
    """One case, or None where no eta is said to beat both ends."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3, 6))
    data = mixture(rng, size)
    covariance = data.covariance()
    sign, rule = rng.choice([-1, 1]), str(rng.choice(RULES))
    positive = any(word in rule for word in ("random", "absolute", "loss"))
    rule = rule.format(rng.uniform(0.02, 0.15) * (1 if positive else sign))
    name, steps, schedule = str(rng.choice(SOLVER_NAMES)), int(rng.integers(12, 60)), str(rng.choice(SCHEDULES))
    flags: dict[str, Any] = {
        "schedule": schedule, "score_error": rule, "sigma_max": 15.0, "end": "sigma_min",
        "sigma_min": float(np.sqrt(covariance.trace() / size) * 0.02),
    }  # fmt: skip
    eig = np.linalg.eigvalsh(covariance)
    if not promising(eig, name, steps, flags):
        return None
    if verb == "eta":
        document = diffopt.best_eta(eig, name, steps, design="none,constant", **flags).document
        row = claimed(document)
        clock, eta, claim = (None, 0.0, "no") if row is None else (row["clock"], row["eta"][0], row["beats_ends"])
    else:
        document = diffopt.optimize(eig, name, steps, free="eta", **flags).document
        clock, eta, claim = document["clock"], document["eta"][0], document["optimizer"]["beats_ends"] or "no"
    if claim == "no":
        return None
    return Case(data, rule, name, clock, np.array(document["sigmas"]), float(eta), claim)


def promising(eig: np.ndarray, name: str, steps: int, flags: dict[str, Any]) -> bool:
    """Whether an eta of a fine list in (0, 1) gains at all, in the exact error and with the one in which nothing cancels.

    What fails this cannot be said of data that are not Gaussian, whatever else is asked: it saves the search.
    """
    etas = np.linspace(0, 1, 21)
    for clock in ("sigma", "variance", "logsnr") if name == "euler_maruyama" else (None,):
        solver = SOLVERS[name](error=parse_score_error(flags["score_error"]), **({} if clock is None else {"clock": clock}))
        span = (steps, flags["sigma_max"], flags["sigma_min"], "sigma_min")
        ask = Problem.create(Spectrum.create(eig), PROCESSES["ve"](), solver, *span)
        grid = schedules.SCHEDULES[flags["schedule"]]().grid(ask.span)
        runs = np.repeat(etas[:, None], steps, axis=1)
        exact, absolute = NoiseErrors(ask, grid, solver).every(runs, ("exact", "absolute"))
        gains = [v[1:-1] < 0.95 * min(v[0], v[-1]) for v in (exact, np.hypot(exact, absolute))]
        if np.any(gains[0] & gains[1]):
            return True
    return False


def covariances(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (G + 1, d) and covariances (G + 1, d, d) of all samples, and without each of the groups."""
    parts = samples.reshape(GROUPS, -1, samples.shape[1])
    sums, squares = parts.sum(axis=1), np.einsum("gni,gnj->gij", parts, parts)
    count = np.append(len(samples), np.full(GROUPS, len(samples) - parts.shape[1]))[:, None]
    mean = np.vstack([sums.sum(axis=0), sums.sum(axis=0) - sums]) / count
    second = np.concatenate([squares.sum(axis=0)[None], squares.sum(axis=0) - squares]) / count[..., None]
    return mean, (second - mean[:, :, None] * mean[:, None, :]) * (count / (count - 1))[..., None]


def simulated(case: Case, target: Mixture, eta: float, count: int, seed: int) -> np.ndarray:
    """Squared Frechet distance of the real loop's samples to the noised data: ten pseudo-values of the jackknife."""
    rng, axes = np.random.default_rng([seed, count]), Axes.of(target)
    size = axes.eig.size
    grid = Grid.create(PROCESSES["ve"](), case.sigmas)
    table = run_table(SOLVERS[case.solver](**({} if case.clock is None else {"clock": case.clock})), grid, eta)
    wrong = Wrong(target, parse_score_error(case.rule), axes, np.random.default_rng([seed, count, 1]))
    start = target.draw(count, rng) + grid.sigmas[0] * rng.standard_normal((count, size))
    mean, found = covariances(sample(table, wrong.denoise, start, rng, wrong.score))
    goal = target.covariance() + grid.sigmas[-1] ** 2 * np.eye(size)
    root = np.linalg.cholesky(goal)
    inner = np.linalg.eigvalsh(root.T @ found @ root).clip(0)
    square = np.sum(mean**2, axis=1) + np.trace(found, axis1=1, axis2=2) + np.trace(goal) - 2 * np.sqrt(inner).sum(axis=1)
    return np.asarray(GROUPS * square[0] - (GROUPS - 1) * square[1:])


def versus(case: Case, target: Mixture, count: int, seed: int) -> tuple[dict[float, float], float]:
    """Distances at eta 0, the case's and 1, and by how many standard errors the squared one is below the nearer end."""
    values = {eta: simulated(case, target, eta, count, seed) for eta in (0.0, case.eta, 1.0)}
    gaps = [values[end] - values[case.eta] for end in (0.0, 1.0)]
    sure = min(gap.mean() / (gap.std(ddof=1) / np.sqrt(GROUPS)) for gap in gaps)
    return {eta: float(np.sqrt(max(v.mean(), 0))) for eta, v in values.items()}, float(sure)


def tried(case: Case, count: int, seed: int) -> dict[str, tuple[dict[float, float], float]]:
    """The same by kind of data, with more samples where it is not sure."""
    covariance = case.data.covariance()
    targets = {"gaussian": Mixture.create([1.0], np.zeros((1, len(covariance))), covariances=covariance[None])}
    if case.claim == "wider":
        targets["mixture"] = case.data
    found = {kind: versus(case, target, count, seed) for kind, target in targets.items()}
    for kind, (_, sure) in found.items():
        if sure < SURE:
            found[kind] = versus(case, targets[kind], MORE * count, seed)
    return found


def main() -> None:
    """Table and counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--gaussian", type=int, default=8, help="cases that are said of Gaussian data alone")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verb", choices=("eta", "optimize"), default="eta")
    args = parser.parse_args()
    held: dict[tuple[str, str], list[bool]] = {}
    wider, seed = 0, 100_000 * args.seed
    print("| case | said of | eta | Gaussian: 0, eta, 1 | mixture: 0, eta, 1 |\n|---|---|---|---|---|")
    while wider < args.cases and seed < 100_000 * args.seed + 100 * args.cases:
        case, seed = drawn(seed, args.verb), seed + 1
        if case is None or (case.claim == "gaussian" and len(held.get(("gaussian", "gaussian"), ())) >= args.gaussian):
            continue
        wider += case.claim == "wider"
        seen = tried(case, args.count, seed)
        cells = [text(seen[kind]) if kind in seen else "-" for kind in ("gaussian", "mixture")]
        for kind, (_, sure) in seen.items():
            held.setdefault((case.claim, kind), []).append(sure)
        print(f"| {case.label} | {case.claim} | {case.eta:.3f} | {' | '.join(cells)} |", flush=True)
    print(f"\n{seed - 100_000 * args.seed} cases drawn")
    for (claim, kind), results in held.items():
        sure = np.array(results)
        print(
            f"said of {claim}: {np.sum(sure > 0)} of {sure.size} hold on {kind} data, {np.sum(sure > SURE)} of them by three "
            f"standard errors and more; {np.sum(sure < -SURE)} fail by as much"
        )


def text(found: tuple[dict[float, float], float]) -> str:
    """A cell of the table."""
    values, sure = found
    return f"{', '.join(f'{v:.3f}' for v in values.values())} ({sure:+.0f} se)"


if __name__ == "__main__":
    main()
