"""Observed orders: how fast each solver's error falls with the number of steps, and what an accuracy costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from diffopt.data.compression import short
from diffopt.errors import DiffoptError, InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.names import check_name
from diffopt.law.law import Law
from diffopt.objectives.frechet import Discretization
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.schedules import Schedule
from diffopt.solvers import SOLVERS, run_table
from diffopt.studies.strong import strong_error

ORDER_METRICS = ("frechet", "weak", "strong")
#: Step counts from which slopes are read; coupled paths are simulated for the smaller ones.
STEPS = (20, 40, 80, 160, 320, 640)
STRONG_STEPS = (16, 32, 64, 128, 256)
#: Points at the fine end that enter the slope, and the largest N tried.
TAIL, LIMIT = 3, 100_000
#: Confidence of the intervals, and the rounding floor relative to the root trace.
CONFIDENCE, FLOOR = 0.95, 1e-11


@dataclass(frozen=True, eq=False)
class Convergence:
    """One solver in one metric (theory.md, eqs. 87-89).

    Attributes
    ----------
    solver, clock, eta, metric : str, str or None, float or None, str
        What was measured.
    steps, errors : tuple
        Step counts and errors: W2 to the exact marginal at the last point (`frechet`), |E |z|^2 - exact|
        (`weak`), root mean square distance to the exact solution on the same path (`strong`).
    order, low, high : float or None
        Slope of log error over log N at the fine end and its 95 % interval (strong: Student over batches of
        paths; else the spread of successive slopes).
    constant : float or None
        C in error = C N^-order.
    accuracy : float
        Largest error that counts as accurate, in the units of the metric.
    needed, calls : int or None
        Steps and model calls for the accuracy; None beyond LIMIT.
    note : str
        What a reader should know, e.g. that a higher order does not pay.
    signs : tuple of int or None
        Of weak errors: 1 where samples have more second moment than the exact law, -1 less; distances have none.
    """

    solver: str
    clock: str | None
    eta: float | None
    metric: str
    expected: int | None
    steps: tuple[int, ...]
    errors: tuple[float, ...]
    order: float | None
    low: float | None
    high: float | None
    constant: float | None
    accuracy: float
    needed: int | None
    calls: int | None
    note: str = ""
    signs: tuple[int, ...] | None = None


def convergence(
    problem: Problem,
    schedule: Schedule,
    metric: str,
    accuracy: float,
    eta: float | None = None,
    steps: Sequence[int] | None = None,
    seed: int = 0,
    paths: int = 2000,
) -> Convergence:
    """Measure one solver along the grids that a schedule gives; `accuracy` is in data units for every metric.

    Raises
    ------
    InputError
        Unknown metric, an accuracy that is not positive, or fewer than two step counts.
    UnsupportedError
        The solver cannot be measured in this metric.
    """
    check_name(metric, ORDER_METRICS, "metric")
    if not accuracy > 0:
        raise InputError(f"accuracy must be positive, got {accuracy:g}")
    counts = tuple(steps or (STRONG_STEPS if metric == "strong" else STEPS))
    if len(counts) < 2 or min(counts) < 1 or list(counts) != sorted(set(counts)):
        raise InputError(f"steps must be at least two increasing positive counts, got {list(counts)}")
    ruler = _Ruler(problem, schedule, metric, eta, seed, paths)
    gaps = [ruler.gap(n) for n in counts] if metric == "weak" else None
    batches = np.array([ruler.squares(n) for n in counts]) if gaps is None else np.square(gaps)[:, None]
    errors = np.sqrt(batches.mean(axis=1))
    order, low, high = _slope(np.array(counts, dtype=float), batches, FLOOR * np.sqrt(problem.spectrum.trace))
    constant = None if order is None else float(errors[-1] * counts[-1] ** order)
    goal = in_units(metric, accuracy, problem.spectrum.trace)
    needed = _needed(ruler, counts, errors, order, goal)
    solver = problem.solver
    expected = None if metric == "strong" else solver.law_order
    return Convergence(
        solver.name, solver.clock_name(problem.process), ruler.eta, metric, expected, counts,
        tuple(map(float, errors)), order, low, high, constant, goal, needed, ruler.calls(needed),
        f"not reached within {counts[-1]} steps: a score error may be a floor" if needed is None and ruler.wrong else "",
        None if gaps is None else tuple(int(np.sign(gap)) for gap in gaps),
    )  # fmt: skip


def in_units(metric: str, accuracy: float, trace: float) -> float:
    """Bound on an error of this metric: the weak one is a difference of squares (theory.md, eq. 395)."""
    return accuracy * trace**0.5 if metric == "weak" else accuracy


class _Ruler:
    """Squared errors of one solver by step count."""

    def __init__(
        self, problem: Problem, schedule: Schedule, metric: str, eta: float | None, seed: int, paths: int
    ) -> None:
        self.problem, self.schedule, self.metric = problem, schedule, metric
        self.spectrum = short(problem.spectrum, "paths" if metric == "strong" else "design")
        self.seed, self.paths = seed, paths
        noisy = problem.solver.eta_meaning is not None
        self.eta: float | None = (problem.solver.default_eta if eta is None else eta) if noisy else None
        self.simulated, self.wrong = metric == "strong", problem.solver.error is not None

    def grid(self, steps: int) -> Grid:
        """The schedule's grid of N steps that stops at sigma_min, where orders are defined."""
        return self.schedule.grid(replace(self.problem.span, steps=steps, end="sigma_min", spectrum=self.spectrum))

    def squares(self, steps: int) -> Array:
        """Squared error, by batch where it is simulated."""
        grid, solver = self.grid(steps), self.problem.solver
        if self.simulated:
            eta = self.eta or 0.0
            return strong_error(solver, grid, self.spectrum, eta, self.seed + steps, self.paths).square
        if self.metric == "frechet":
            return np.array([Discretization().value(run_table(solver, grid, self.eta), self.spectrum, "exact") ** 2])
        return np.array([self.gap(steps) ** 2])

    def gap(self, steps: int) -> float:
        """Second moment of the output less the exact one's (weak error with its sign)."""
        table = run_table(self.problem.solver, self.grid(steps), self.eta)
        law = Law(table, self.spectrum, "exact")
        v = table.alpha[-1] ** 2 * self.spectrum.eig + table.level[-1] ** 2
        gap = float(self.spectrum.weight @ (law.variance - v))
        if law.mean_gap is not None and self.spectrum.mean is not None:
            moved = (2 * table.alpha[-1] + law.mean_gap) * law.mean_gap
            gap += float(self.spectrum.weight @ (moved * self.spectrum.mean**2))
        return gap

    def error(self, steps: int) -> float:
        """Root of the mean."""
        return float(np.sqrt(self.squares(steps).mean()))

    def calls(self, steps: int | None) -> int | None:
        """Model calls of a run of N steps."""
        return None if steps is None else run_table(self.problem.solver, self.grid(steps), self.eta).calls


def _slope(counts: Array, batches: Array, floor: float) -> tuple[float | None, float | None, float | None]:
    """Order and its interval from the finest points above the rounding floor (eq. 89)."""
    usable = np.sqrt(batches.mean(axis=1)) > floor
    usable &= np.isfinite(batches).all(axis=1)
    places = np.flatnonzero(usable)[-TAIL:]
    if places.size < 2:
        return None, None, None
    x = np.log(counts[places])
    if batches.shape[1] == 1:
        y = 0.5 * np.log(batches[places, 0])
        order = -float(np.polyfit(x, y, 1)[0])
        local = -np.diff(y) / np.diff(x)
        return order, float(local.min()), float(local.max())
    slopes = -np.polyfit(x, 0.5 * np.log(batches[places]), 1)[0]
    order = -float(np.polyfit(x, 0.5 * np.log(batches[places].mean(axis=1)), 1)[0])
    reach = float(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, slopes.size - 1) * slopes.std(ddof=1) / np.sqrt(slopes.size))
    return order, order - reach, order + reach


def _needed(ruler: _Ruler, counts: tuple[int, ...], errors: Array, order: float | None, accuracy: float) -> int | None:
    """Smallest N from which on the error stays within the accuracy, as far as the measured range reaches.

    An error may cross zero on its way (signed ones do), so one small error does not count: the last N of a fine
    scan that misses the accuracy is looked for, then the first after it that does not. Beyond the range, and where
    errors are simulated, by the measured points and order.
    """
    if ruler.wrong and errors[-1] > accuracy:
        # A score's own error may be a floor: no order holds beyond the range.
        return None
    if ruler.simulated or errors[-1] > accuracy:
        return _extrapolated(counts, errors, order, accuracy)

    def reached(n: int) -> bool:
        try:
            return ruler.error(n) <= accuracy
        except DiffoptError:
            return False

    tried = scan(counts[-1])
    for place in reversed(range(len(tried))):
        if not reached(tried[place]):
            if place == len(tried) - 1:
                return None if ruler.wrong else _extrapolated(counts, errors, order, accuracy)
            return bisect(reached, tried[place], tried[place + 1])
    return tried[0]


def scan(last: int) -> list[int]:
    """Every step count up to 24, then some 8 % apart, to twice the last measured one."""
    counts = list(range(1, 25))
    while counts[-1] < 2 * last:
        counts.append(min(max(counts[-1] + 1, round(1.08 * counts[-1])), 2 * last))
    return counts


def bisect(reached: Callable[[int], bool], low: int, high: int) -> int:
    """First N in (low, high] for which a monotone condition holds; it holds at `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _extrapolated(counts: tuple[int, ...], errors: Array, order: float | None, accuracy: float) -> int | None:
    """From the measured points by log-log interpolation, beyond them with the measured order."""
    if order is None or order <= 0:
        return None
    missed = np.flatnonzero(errors > accuracy)
    if not missed.size:
        return counts[0]
    k = int(missed[-1]) + 1
    if k < len(counts):
        share = np.log(errors[k - 1] / accuracy) / np.log(errors[k - 1] / errors[k])
        return int(np.ceil(counts[k - 1] * (counts[k] / counts[k - 1]) ** share))
    beyond = counts[-1] * (errors[-1] / accuracy) ** (1 / order)
    return int(np.ceil(beyond)) if beyond <= LIMIT else None


def with_notes(rows: Sequence[Convergence]) -> list[Convergence]:
    """Say, per metric, whether a higher order pays in model calls at this accuracy."""
    noted = []
    for row in rows:
        rivals = [r for r in rows if r.metric == row.metric]
        first = min((r.calls for r in rivals if r.calls is not None and (r.order or 0) < 1.5), default=None)
        noted.append(replace(row, note=_note(row, first)))
    return noted


def _note(row: Convergence, first: int | None) -> str:
    if row.note:
        return row.note
    if row.calls is None:
        return f"accuracy not reached within {LIMIT} steps"
    if row.metric == "strong" and (row.order or 0) < 1.5:
        return "strong order 1: a higher weak order does not show on a path" if _is_second(row) else ""
    if first is None or (row.order or 0) < 1.5:
        return ""
    return (
        "higher order pays"
        if row.calls < first
        else f"higher order does not pay here: {first} calls suffice at order 1"
    )


def _is_second(row: Convergence) -> bool:
    return SOLVERS[row.solver].law_order > 1
