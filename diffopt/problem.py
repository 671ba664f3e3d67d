"""The question asked: which data, process, solver, budget and range; and the exact answer for a grid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from diffopt.compression import compress
from diffopt.errors import InputError
from diffopt.first_order import first_order_frechet
from diffopt.grid import Grid
from diffopt.law import STARTS, Law, Start
from diffopt.objectives.frechet import frechet_terms
from diffopt.objectives.kl import kl_terms
from diffopt.objectives.robust import Robust
from diffopt.processes import Process
from diffopt.schedules.base import ENDS, End, Request
from diffopt.solvers import Solver, run_table
from diffopt.spectrum import Spectrum
from diffopt.table import Table

Array = NDArray[np.float64]

#: Eigenvalues scored at once; keeps the memory of large spectra flat.
BLOCK = 8192
#: Above this many distinct eigenvalues `robust` is scored on bins of 0.02 in log eig (theory.md, eq. 36).
ROBUST_EXACT = 20_000


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything but the grid.

    Attributes
    ----------
    spectrum, process, solver : Spectrum, Process, Solver
        Data, forward process and sampler.
    steps : int
        Number of solver steps N.
    sigma_max, sigma_min : float
        Range of noise ratios; sigma_max may be infinite where the process reaches pure noise.
    end : {"zero", "sigma_min"}
        Where the grid stops.
    start : {"exact", "sigma", "unit"}
        Initial law.

    Raises
    ------
    InputError
        From :meth:`create`, naming the value.
    """

    spectrum: Spectrum
    process: Process
    solver: Solver
    steps: int
    sigma_max: float
    sigma_min: float
    end: End = "zero"
    start: Start = "exact"

    @classmethod
    def create(
        cls,
        spectrum: Spectrum,
        process: Process,
        solver: Solver,
        steps: int,
        sigma_max: float | None = None,
        sigma_min: float | None = None,
        end: End = "zero",
        start: Start = "exact",
    ) -> Problem:
        """Fill in the process's defaults and check everything."""
        if steps < 1:
            raise InputError(f"steps must be at least 1, got {steps}")
        if end not in ENDS or start not in STARTS:
            raise InputError(f"end must be one of {', '.join(ENDS)} and start one of {', '.join(STARTS)}")
        high, low = process.sigma_limits
        top = min(process.default_sigma_max, high) if sigma_max is None else float(sigma_max)
        bottom = max(process.default_sigma_min, low) if sigma_min is None else float(sigma_min)
        if not (top > bottom >= 0):
            raise InputError(f"need sigma-max > sigma-min >= 0, got {top:g} and {bottom:g}")
        if top > high * (1 + 1e-9) and np.isfinite(top):
            raise InputError(f"sigma-max {top:g} is above {high:.6g}, the largest that {process.name!r} reaches")
        if bottom < low * (1 - 1e-9):
            raise InputError(f"sigma-min {bottom:g} is below {low:.6g}, the smallest that {process.name!r} knows")
        if np.isinf(top) and np.isinf(process.start_time()):
            raise InputError(f"process {process.name!r} never reaches pure noise; give a finite sigma-max")
        solver.clock_name(process)
        return cls(spectrum, process, solver, steps, top, bottom, end, start)

    @property
    def request(self) -> Request:
        """What schedules are asked for."""
        return Request(
            self.process, self.steps, self.sigma_max, self.sigma_min, self.end, self.spectrum, self.solver
        )

    def compressed(self, width: float = 0.1) -> Problem:
        """Same problem on a short spectrum."""
        return replace(self, spectrum=compress(self.spectrum, width).spectrum)


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
    if spectrum.eig.size * len(objective.scales) > ROBUST_EXACT:
        spectrum = compress(spectrum, 0.02).spectrum
    spectrum = objective.prepare(spectrum)
    if spectrum.eig.size > ROBUST_EXACT:
        spectrum = compress(spectrum, 0.02).spectrum
    return objective.value(table, spectrum, problem.start)


def _first_order(problem: Problem, grid: Grid, eta: float | Array | None) -> float | None:
    spectrum = problem.spectrum
    if spectrum.eig.size > ROBUST_EXACT:
        spectrum = compress(spectrum, 0.02).spectrum
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
