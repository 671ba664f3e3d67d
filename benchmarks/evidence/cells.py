"""Errors of grids on cases, measured once and remembered: one case x solver x grid at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from case import Case, cached

from diffopt.data.compression import compress
from diffopt.errors import DiffoptError
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.base import Objective
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.schedules import SCHEDULES
from diffopt.schedules.fixed.k_diffusion import Karras
from diffopt.search.descent import optimize
from diffopt.simulation.distance import Sliced, frechet, median_gap, pathwise
from diffopt.simulation.run import run
from diffopt.solvers import SOLVERS

CALLS = (5, 8, 12, 20)
#: Solvers; `@` is eta. Those with noise have no path to compare along.
DETERMINISTIC = ("euler", "heun", "dpmpp_2m", "unipc", "ipndm")
MULTISTEP = ("dpmpp_2m", "unipc", "ipndm")
STOCHASTIC = ("ddim@0.5", "dpmpp_2m_sde")
#: The rules that users choose among; `own_time` is uniform in the networks' own t = log(1 + sigma^2).
FIXED = ("karras", "rho3", "exponential", "vp", "uniform_flow", "kl_optimal", "own_time")
#: A rule measured in every cell beside them, because it was found to be stronger than they are at few calls.
BESIDE = ("sgm_uniform",)
#: Every other rule that reads no data.
OTHERS = tuple(
    name for name, rule in ((n, SCHEDULES._entries[n]) for n in SCHEDULES)
    if rule.partition(".")[0] in ("fixed", "published") and name not in FIXED
)  # fmt: skip
#: Designs that read the spectrum.
SPECTRAL = tuple(name for name in SCHEDULES if SCHEDULES._entries[name].startswith("spectral"))
#: Metrics: to the fine limit from the same noise, and to the data.
LIMIT = {"rmse": pathwise, "median": median_gap, "frechet": frechet, "sliced": Sliced()}
DATA = {"frechet": frechet, "sliced": Sliced()}


def steps_for(solver: str, calls: int) -> int:
    """Largest number of steps that `calls` denoiser calls pay for."""
    cls = SOLVERS[solver.partition("@")[0]]
    table = [Case.table(solver, np.append(np.geomspace(80, 0.01, n), 0)).calls for n in range(1, calls + 1)]
    return max(n for n, cost in enumerate(table, 1) if cost <= calls) if cls else 0


def fixed_grid(case: Case, name: str, steps: int) -> np.ndarray | None:
    """Noise ratios of a named rule on the case's range; None where it does not apply."""
    span = case.span(steps)
    if name == "own_time":
        ends = np.log1p(np.array([case.sigma_max, case.sigma_min]) ** 2)
        return np.append(np.sqrt(np.expm1(np.linspace(*ends, steps))), 0.0)
    rule = Karras(rho=3.0) if name == "rho3" else SCHEDULES[name]()
    try:
        if name in SPECTRAL:
            span = replace(span, spectrum=compress(case.spectrum, 0.1).spectrum)
        return np.asarray(rule.grid(span).sigmas)
    except DiffoptError:
        return None


def optimal_grid(case: Case, solver: str, steps: int, objective: Objective | None = None) -> np.ndarray:
    """What `diffopt optimize` finds on the case's spectrum."""
    name, _, eta = solver.partition("@")
    low = case.sigma_min
    problem = Problem.create(compress(case.spectrum, 0.02).spectrum, VE(), SOLVERS[name](), steps, case.sigma_max, low)
    found = optimize(problem, objective or OBJECTIVES["robust"](), eta=float(eta) if eta else None)
    return np.asarray(found.grid.sigmas)


def between(*grids: np.ndarray) -> np.ndarray:
    """Geometric mean of grids that end at 0, point by point; of two what `--free shared` writes."""
    return np.append(np.exp(np.mean([np.log(g[:-1]) for g in grids], axis=0)), 0.0)


@dataclass
class Ledger:
    """Measured errors of one case, kept in a JSON file of the cache.

    Attributes
    ----------
    case : Case
        What is sampled from.
    """

    case: Case
    known: dict[str, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path = cached(f"{self.case.name}-{self.case.count}-{self.case.fine}.json")
        if self.path.exists():
            self.known = json.loads(self.path.read_text())

    def errors(self, solver: str, sigmas: np.ndarray) -> dict[str, float]:
        """Distances of a grid's samples to the fine limit and to the data."""
        text = solver + ",".join(f"{s:.9g}" for s in sigmas)
        key = hashlib.sha256(text.encode()).hexdigest()[:20]
        if key not in self.known:
            self.known[key] = self._measure(solver, sigmas)
        return self.known[key]

    def _measure(self, solver: str, sigmas: np.ndarray) -> dict[str, float]:
        case = self.case
        try:
            with np.errstate(all="ignore"):
                out = run(case.batch, [case.table(solver, sigmas)])[0]
        except DiffoptError:
            return {"rmse": float("inf")}
        truth = case.reference()
        names = LIMIT if solver.partition("@")[0] in DETERMINISTIC else {k: LIMIT[k] for k in ("frechet", "sliced")}
        found = {name: distance(out, truth) for name, distance in names.items()}
        if case.data is not None and case.kind != "pretrained":
            found |= {f"data_{name}": distance(out, case.data) for name, distance in DATA.items()}
        return found

    def save(self) -> None:
        """Write what is known."""
        self.path.write_text(json.dumps(self.known))


def compare(row: dict[str, dict[str, float]], rivals: Iterable[str], metric: str, ours: str = "diffopt") -> float:
    """Error of the best rival over ours; above 1 ours is better."""
    best = min(row[name].get(metric, np.inf) for name in rivals if name in row)
    return best / row[ours][metric]
