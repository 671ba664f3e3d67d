"""The question asked: which data, process, solver, budget and range; and the exact answer for a grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from diffopt.data.compression import short
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.law import Law
from diffopt.law.local_errors import first_order_frechet
from diffopt.objectives.frechet import frechet_terms
from diffopt.objectives.kl import kl_terms
from diffopt.objectives.problem import Problem
from diffopt.objectives.robust import Robust
from diffopt.processes.grid import Grid
from diffopt.solvers import run_table
from diffopt.solvers.table import Table

#: Eigenvalues scored at once; keeps the memory of large spectra flat.
BLOCK = 8192
#: Above this many distinct eigenvalues `robust` is scored on bins of 0.02 in log eig (theory.md, eq. 36).
ROBUST_EXACT = 20_000


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Exact errors of a grid; None where an error is not defined, with the reason in `reasons`.

    Attributes
    ----------
    frechet, kl : float or None
        2-Wasserstein distance and KL(data || output) of the output law.
    robust : float
        The default objective.
    initialization, discretization, truncation : float or None
        W2 between outputs from the start law and from the exact start; between the latter and the
        marginal at the last grid point; between that marginal and the data. Their sum bounds frechet.
    kl_discretization : float or None
        KL(marginal at the last grid point || output from the exact start).
    first_order_frechet : float or None
        Leading-order prediction, where the solver has one.
    variance, mean : ndarray, shape (n,)
        Output law per entry of the spectrum, in the process's coordinates.
    denoiser_calls : int
        Model evaluations of the run.
    """

    frechet: float | None
    kl: float | None
    robust: float | None
    initialization: float | None
    discretization: float | None
    truncation: float
    kl_discretization: float | None
    first_order_frechet: float | None
    variance: Array
    mean: Array
    denoiser_calls: int
    reasons: dict[str, str] = field(default_factory=dict)

    def errors(self) -> dict[str, float | None]:
        """The scalar errors by name."""
        names = ("frechet", "kl", "robust", "first_order_frechet", "initialization", "discretization", "truncation")
        return {name: getattr(self, name) for name in (*names, "kl_discretization")}


def evaluate(problem: Problem, grid: Grid, eta: float | Array | None = None, expand: bool = True) -> Evaluation:
    """Exact errors of `grid` for `problem` (theory.md, eqs. 25-34), block by block over the spectrum.

    `expand=False` leaves the leading-order prediction out.
    """
    table = run_table(problem.solver, grid, eta)
    with np.errstate(over="ignore", invalid="ignore"):
        return _evaluation(table, problem, grid, eta, expand)


def _evaluation(table: Table, problem: Problem, grid: Grid, eta: float | Array | None, expand: bool) -> Evaluation:
    sums = _Sums(table, problem)
    spectrum = problem.spectrum
    for low in range(0, spectrum.eig.size, BLOCK):
        sums.add(spectrum.part(slice(low, low + BLOCK)))
    reasons: dict[str, str] = {}
    values = {name: _finite(name, value, reasons) for name, value in sums.values().items()}
    robust = _finite("robust", _robust(table, problem), reasons)
    first = _first_order(problem, grid, eta) if expand else None
    if expand and first is None:
        reasons["first_order_frechet"] = "infinite: a step has no finite local error; use --end sigma_min or another solver"
    return Evaluation(
        robust=robust,
        first_order_frechet=first,
        variance=np.concatenate(sums.variances),
        mean=np.concatenate(sums.means),
        denoiser_calls=table.calls,
        reasons=reasons,
        **values,  # type: ignore[arg-type]
    )


class _Sums:
    """Squared distances accumulated over blocks of eigenvalues."""

    def __init__(self, table: Table, problem: Problem) -> None:
        self.table, self.start = table, problem.start
        self.alpha, self.level = float(table.alpha[-1]), float(table.level[-1])
        self.totals = dict.fromkeys(
            ("frechet", "kl", "initialization", "discretization", "truncation", "kl_discretization"), 0.0
        )
        self.variances: list[Array] = []
        self.means: list[Array] = []

    def add(self, block: Spectrum) -> None:
        """Add a block's shares."""
        law = Law(self.table, block, self.start)
        exact = law if self.start == "exact" else Law(self.table, block, "exact")
        mu = np.zeros_like(block.eig) if block.mean is None else block.mean
        gap, exact_gap = self._gap(law) * mu, self._gap(exact) * mu
        marginal = self.alpha**2 * block.eig + self.level**2
        shift = (self.alpha - 1) * mu
        total, w = self.totals, block.weight
        total["frechet"] += frechet_terms(law.variance, block.eig, gap + shift, w).loss
        total["kl"] += kl_terms(law.variance, block.eig, gap + shift, w).loss
        if self.start != "exact":
            total["initialization"] += frechet_terms(law.variance, exact.variance, gap - exact_gap, w).loss
        total["discretization"] += frechet_terms(exact.variance, marginal, exact_gap, w).loss
        total["kl_discretization"] += kl_terms(exact.variance, marginal, exact_gap, w).loss
        total["truncation"] += frechet_terms(marginal, block.eig, shift, w).loss
        self.variances.append(law.variance)
        self.means.append(self.alpha * mu + gap)

    def _gap(self, law: Law) -> Array:
        return np.zeros_like(law.variance) if law.mean_gap is None else law.mean_gap

    def values(self) -> dict[str, float]:
        """Distances; divergences stay sums."""
        return {k: v if k.startswith("kl") else float(np.sqrt(v)) for k, v in self.totals.items()}


def _robust(table: Table, problem: Problem) -> float:
    objective = Robust()
    spectrum = problem.spectrum
    if problem.data.members is None and spectrum.eig.size * len(objective.scales) > ROBUST_EXACT:
        spectrum = problem.data.short("exact")
    spectrum = objective.prepare(spectrum, problem.data.members)
    if spectrum.eig.size > ROBUST_EXACT:
        spectrum = short(spectrum, "exact")
    return objective.value(table, spectrum, problem.start)


def _first_order(problem: Problem, grid: Grid, eta: float | Array | None) -> float | None:
    spectrum = problem.spectrum
    if spectrum.eig.size > ROBUST_EXACT:
        spectrum = short(spectrum, "exact")
    return first_order_frechet(spectrum, grid, problem.solver, eta, problem.start)


def _finite(name: str, value: float, reasons: dict[str, str]) -> float | None:
    if np.isfinite(value):
        return value
    if name == "kl":
        reasons[name] = "infinite: a direction is degenerate in the data (eigenvalue 0) or in the output, not in both"
    elif name == "kl_discretization":
        reasons[name] = "infinite: a direction is degenerate in only one of the two laws"
    else:
        reasons[name] = "infinite: the scheme divides by a vanishing eigenvalue; end above 0 or use another solver"
    return None
