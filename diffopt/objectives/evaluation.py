"""The exact answer for a grid: every error of the table of metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from diffopt.data.compression import short
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.law.law import Law
from diffopt.law.local_errors import first_order_frechet
from diffopt.law.start import Start
from diffopt.objectives import Objective
from diffopt.objectives.metrics import METRICS, FinalLaws, Metric, mean_gap
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
    """Exact errors of a grid.

    Attributes
    ----------
    values : dict
        Errors by the names of METRICS, each also an attribute (`evaluation.frechet`); None where not defined.
        The sum of initialization, discretization and truncation bounds frechet.
    denoiser_calls : int
        Model evaluations of the run.
    reasons : dict
        Why an error is None.
    table, problem : Table, Problem
        What was run.
    """

    values: dict[str, float | None]
    denoiser_calls: int
    reasons: dict[str, str]
    table: Table
    problem: Problem

    @cached_property
    def variance(self) -> Array:
        """Variance of the output per entry of the spectrum, shape (n,), in the process's coordinates."""
        return np.concatenate([law.variance for law, _ in _laws(self.table, self.problem)])

    @cached_property
    def mean(self) -> Array:
        """Mean of the output per entry of the spectrum, shape (n,), in the process's coordinates."""
        alpha = float(self.table.alpha[-1])
        laws = _laws(self.table, self.problem)
        return np.concatenate(
            [np.zeros_like(law.variance) if block.mean is None else (alpha + mean_gap(law)) * block.mean for law, block in laws]
        )

    def __getattr__(self, name: str) -> float | None:
        if name in METRICS:
            return self.values.get(name)
        raise AttributeError(name)

    def errors(self) -> dict[str, float | None]:
        """The scalar errors by name."""
        return {name: self.values.get(name) for name in METRICS}


def evaluate(problem: Problem, grid: Grid, eta: float | Array | None = None, expand: bool = True) -> Evaluation:
    """Exact errors of `grid` for `problem` (theory.md, eqs. 25-34), block by block over the spectrum.

    `expand=False` leaves the leading-order prediction out.
    """
    table = run_table(problem.solver, grid, eta)
    with np.errstate(over="ignore", invalid="ignore"):
        return _evaluation(table, problem, grid, eta, expand)


def _evaluation(table: Table, problem: Problem, grid: Grid, eta: float | Array | None, expand: bool) -> Evaluation:
    totals = {name: 0.0 for name, metric in METRICS.items() if metric.share is not None}
    for law, block in _laws(table, problem):
        exact = law if problem.start == "exact" else Law(table, block, "exact")
        ends = FinalLaws.create(law, exact)
        for name in totals:
            share = METRICS[name].share
            assert share is not None
            totals[name] += float(share(ends))
    reasons: dict[str, str] = {}
    values: dict[str, float | None] = {}
    known: dict[tuple[type[Objective], Start], float | None] = {}
    for name, metric in METRICS.items():
        if metric.share is not None:
            values[name] = or_reason(name, metric.finish(totals[name]), reasons)
        elif metric.objective is not None:
            start: Start = "exact" if metric.from_exact else problem.start
            key = metric.objective, start
            if key not in known:
                known[key] = whole(name, metric, table, _prepared(metric.objective(), problem), start, reasons)
            values[name] = known[key]
    if expand:
        values["first_order_frechet"] = or_reason("first_order_frechet", _first_order(problem, grid, eta), reasons)
    return Evaluation(values, table.calls, reasons, table, problem)


def _laws(table: Table, problem: Problem) -> Iterator[tuple[Law, Spectrum]]:
    """Laws of the output over blocks of eigenvalues, with the blocks."""
    for low in range(0, problem.spectrum.eig.size, BLOCK):
        block = problem.spectrum.part(slice(low, low + BLOCK))
        yield Law(table, block, problem.start), block


def whole(
    name: str, metric: Metric, table: Table, prepared: Spectrum, start: Start, reasons: dict[str, str]
) -> float | None:
    """Value of a metric that is an objective, on the spectrum it has prepared."""
    assert metric.objective is not None
    if metric.noise_only and not table.stochastic:
        return or_reason(name, np.inf, reasons)
    try:
        return or_reason(name, metric.objective().value(table, prepared, start), reasons)
    except UnsupportedError as error:
        reasons[name] = str(error)
        return None


def _prepared(objective: Objective, problem: Problem) -> Spectrum:
    """Spectrum of an objective: in full where it is short enough, else by bins of 0.02 in log eig."""
    spectrum, members = problem.spectrum, problem.data.members
    copies = len(objective.scales) if isinstance(objective, Robust) else 1
    if members is None and spectrum.eig.size * copies > ROBUST_EXACT:
        spectrum = problem.data.short("exact")
    spectrum = objective.prepare(spectrum, members)
    return short(spectrum, "exact") if spectrum.eig.size > ROBUST_EXACT else spectrum


def _first_order(problem: Problem, grid: Grid, eta: float | Array | None) -> float:
    spectrum = problem.data.short("exact") if problem.spectrum.eig.size > ROBUST_EXACT else problem.spectrum
    found = first_order_frechet(spectrum, grid, problem.solver, eta, problem.start)
    return np.inf if found is None else found


def or_reason(name: str, value: float, reasons: dict[str, str]) -> float | None:
    """The value, or None with its reason where it is infinite."""
    if np.isfinite(value):
        return float(value)
    reasons[name] = METRICS[name].infinite
    return None
