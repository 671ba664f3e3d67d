"""What EDM's churn repairs of a run, what it does to the exact error, and of which data its gain may be said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.studies.claims import Claim
from diffopt.studies.eta_claim import Scaled, claim_beside

#: Parts of `robust` squared: the start's mismatch, the steps with an exact score, what a wrong score adds.
Part = Literal["start", "steps", "score"]
#: Largest distance of S_noise from 1 at which a network is told about the noise that there is.
NOISE = 0.01


@dataclass(frozen=True)
class ChurnClaim:
    """A run with churn beside the same run without (theory.md, eqs. 426-428).

    Attributes
    ----------
    parts : dict
        Parts of `robust` squared, with churn and without.
    frechet : tuple of float
        Exact error with churn and without.
    claim : {"no", "gaussian", "wider"}
        On which data a gain of a twentieth may be said.
    other_sign : dict or None
        `robust` and `frechet` with churn and without where a systematic score error has the other sign.
    """

    parts: dict[Part, tuple[float, float]]
    frechet: tuple[float, float]
    claim: Claim
    other_sign: dict[str, tuple[float, float]] | None = None

    @property
    def repairs(self) -> Part | None:
        """The part that falls most; None where none does."""
        falls: dict[Part, float] = {name: without - own for name, (own, without) in self.parts.items()}
        most = max(falls, key=lambda name: falls[name])
        return most if falls[most] > 0 else None


def churn_claim(problem: Problem, grid: Grid) -> ChurnClaim | None:
    """What the churn of the problem's solver does; None without churn, or where an error is not defined."""
    solver = problem.solver
    if not solver.churn > 0:
        return None
    short = problem.compressed("reference")
    still = replace(short, solver=solver.without_churn())
    try:
        own, without = _parts(short, grid), _parts(still, grid)
        scaled = [Scaled(one, grid).at(0.0)[..., 0] for one in (short, still)]
    except UnsupportedError:
        return None
    if own is None or without is None:
        return None
    parts: dict[Part, tuple[float, float]] = {name: (own[0][name], without[0][name]) for name in own[0]}
    told = abs(solver.churn_noise - 1) <= NOISE
    claim = claim_beside(scaled[0], scaled[1], float(np.max(equivalent(problem, grid))) if told else np.inf)
    return ChurnClaim(parts, (own[1], without[1]), claim, _other_sign(short, still, grid))


def _other_sign(churned: Problem, still: Problem, grid: Grid) -> dict[str, tuple[float, float]] | None:
    """Errors with and without churn where the score's is the other way: a rule or a loss curve may say its size alone."""
    opposite = None if churned.solver.error is None else churned.solver.error.opposite
    if opposite is None:
        return None
    runs = [replace(problem, solver=replace(problem.solver, error=opposite)) for problem in (churned, still)]
    values = [evaluate(run, grid, expand=False).values for run in runs]
    pairs = {name: tuple(found[name] for found in values) for name in ("robust", "frechet")}
    known = {name: (a, b) for name, (a, b) in pairs.items() if a is not None and b is not None}
    return known if len(known) == len(pairs) else None


def equivalent(problem: Problem, grid: Grid) -> Array:
    """The eta whose noise every step's churn is (eq. 428), shape (N,)."""
    solver: Any = problem.solver
    sigma = grid.sigmas
    raised = sigma[:-1] * (1 + solver.gammas(sigma[:-1], grid.steps).real)
    return np.asarray(np.sqrt((raised**2 - sigma[:-1] ** 2) / (sigma[:-1] ** 2 - sigma[1:] ** 2)))


def _parts(problem: Problem, grid: Grid) -> tuple[dict[Part, float], float] | None:
    """Squares of the parts (eq. 426) and the exact error; None where one is not defined."""
    right = replace(problem, solver=replace(problem.solver, error=None))
    wrong = evaluate(problem, grid, expand=False).values
    exact = wrong if problem.solver.error is None else evaluate(right, grid, expand=False).values
    whole, inner, plain, frechet = wrong["robust"], wrong["robust_steps"], exact["robust_steps"], wrong["frechet"]
    if whole is None or inner is None or plain is None or frechet is None:
        return None
    return {"start": whole**2 - inner**2, "steps": plain**2, "score": inner**2 - plain**2}, frechet
