"""The optimizer: L-BFGS-B from the best named schedules, with exact gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from diffopt.data.compression import short
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.law.gradient import DifferentiableTable
from diffopt.objectives import Objective
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.schedules import SCHEDULES, Schedule
from diffopt.search.blocks import blocks_of
from diffopt.search.compromise import compromise
from diffopt.search.result import OptimizeResult
from diffopt.search.starts import applicable
from diffopt.search.variables import EtaBlock, FamilyBlock, GridBlock, State, design_of
from diffopt.solvers import build_table
from diffopt.solvers.table import Pattern

Progress = Callable[[int, float], None]

#: Relative decrease of the objective below which a search has converged.
TOLERANCE = 1e-9
#: Largest component of the gradient of the log objective at a smooth optimum.
GRADIENT = 2e-8
#: Evaluations after which a later start must have overtaken the best one.
PROBE = 8
#: Largest number of evaluations per start.
BUDGET = 1000
#: Log objective where it is not finite.
WALL = 1e3


def optimize(
    problem: Problem,
    objective: Objective,
    free: Sequence[str] = ("grid",),
    eta: float | Array | None = None,
    schedule: Schedule | None = None,
    searches: int = 3,
    progress: Progress | None = None,
    starts: Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> OptimizeResult:
    """Minimize an objective over the grid, eta or the parameters of a family.

    Every quick named schedule that applies is scored, and the `searches` best are improved; the result is
    therefore never worse than any of them on the optimizer's spectrum.

    Parameters
    ----------
    problem : Problem
        Data, process, solver, budget, range.
    objective : Objective
        What is minimized.
    free : sequence of {"grid", "coefficients", "eta", "eta_per_step", "family"}
        What may move. Of solvers that fit their coefficients, "grid" alone is a grid for any scheme (`compromise`),
        "grid" and "coefficients" the search over both, "coefficients" alone keeps the schedule's grid.
    eta : float or array, optional
        Start, or fixed value where eta is not free; None is the solver's default.
    schedule : Schedule, optional
        Grid that is kept when the grid is not free; family that is varied. Default `karras`.
    searches : int
        Number of starts that are improved.
    progress : callable, optional
        Called with (evaluations, best value).
    starts : sequence of str, optional
        Named schedules that are scored; None is all that are not slow (`Schedule.slow`).
    tolerance : float
        Relative gain of a restarted search below which it has converged.

    Raises
    ------
    InputError
        Unknown or contradictory `free`.
    UnsupportedError
        No schedule gives a finite objective.
    """
    one = _Search(problem, objective, free, eta, schedule, progress, starts, tolerance)
    if not problem.solver.grid_solvers or tuple(free) != ("grid",) or problem.steps < 2:
        return one.run(searches)

    def search(other: Problem) -> OptimizeResult:
        return _Search(other, objective, free, None, schedule, progress, starts, tolerance).run(searches)

    return compromise(problem, search, one.value)


class _Search:
    """One optimization: the compressed spectrum, the blocks, the best point so far."""

    def __init__(
        self,
        problem: Problem,
        objective: Objective,
        free: Sequence[str],
        eta: float | Array | None,
        schedule: Schedule | None,
        progress: Progress | None,
        names: Sequence[str] | None = None,
        tolerance: float = TOLERANCE,
    ) -> None:
        self.problem, self.objective, self.free, self.progress = problem, objective, free, progress
        self.schedule = schedule or SCHEDULES["karras"]()
        # Scaled copies are made of the short spectrum: an ensemble of the full one would be long for nothing.
        self.short = problem.compressed("design")
        self.spectrum: Spectrum = short(
            objective.prepare(self.short.spectrum, problem.data.members), "search"
        )
        self.eta = problem.solver.etas(eta, problem.steps)
        self.blocks = blocks_of(problem, free, self.schedule)
        self.grid_free = any(isinstance(b, GridBlock) for b in self.blocks)
        self.eta_free = any(isinstance(b, EtaBlock) for b in self.blocks)
        self.evaluations = 0
        self.names, self.tolerance = names, tolerance
        self.pattern: Pattern | None = None
        self.refusal = ""
        self.best: tuple[float, State, Array] | None = None

    def run(self, searches: int) -> OptimizeResult:
        """Score the starts, improve the best, report."""
        starts = self._starts()
        scores = {name: self._score(state) for name, state in starts.items()}
        ranked = sorted((name for name in scores if np.isfinite(scores[name])), key=scores.__getitem__)
        if not ranked:
            if self.refusal:
                raise UnsupportedError(self.refusal)
            raise UnsupportedError(self._nothing_finite())
        fitted = "coefficients" in self.free and not self.blocks
        reason = "the grid is kept, its coefficients are fitted" if fitted else "one step has no free point"
        converged, message = True, f"nothing to optimize: {reason}"
        for rank, name in enumerate(ranked[: max(1, searches)] if self.blocks else ()):
            # Later starts are probed and go on only where they overtake what is already found.
            outcome = self._improve(starts[name], probe=rank > 0)
            converged, message = outcome or (converged, message)
        if self.best is None or (not self.family and scores[ranked[0]] < self.best[0]):
            self.best = (scores[ranked[0]], starts[ranked[0]], np.zeros(0))
        return self._result(converged, message, len(ranked), scores)

    def _nothing_finite(self) -> str:
        name, solver = self.objective.name, self.problem.solver.name
        if name == "kl" and self.problem.end == "sigma_min" and self.problem.spectrum.eig[-1] == 0:
            return (
                "the data have zero eigenvalues, so KL(data || output) is infinite for every grid that ends above 0; "
                "use --objective kl_discretization, or --end zero"
            )
        return (
            f"no schedule gives a finite {name} for solver {solver!r} here; "
            "try --end sigma_min, --objective robust or another solver"
        )

    def value(self, grid: Grid) -> float:
        """Objective of a grid on the optimizer's spectrum."""
        with np.errstate(divide="ignore"):
            return self._score(State(np.log(grid.sigmas), self.eta, self.problem.process, self.problem.solver))

    @property
    def family(self) -> bool:
        """Whether a family's parameters are free."""
        return "family" in self.free

    def _starts(self) -> dict[str, State]:
        if "grid" in self.free:
            grids = applicable(self.short, self.names)
        else:
            grids = {self.schedule.name: self.schedule.grid(self.short.span)}
        with np.errstate(divide="ignore"):
            return {
                name: State(np.log(grid.sigmas), self.eta, self.problem.process, self.problem.solver)
                for name, grid in grids.items()
            }

    def _score(self, state: State) -> float:
        self.evaluations += 1
        try:
            points = Points.create(state.process, np.exp(state.log_sigma))
            table = build_table(state.solver, points, state.eta)
            with np.errstate(over="ignore", invalid="ignore"):
                return self.objective.value(table, self.spectrum, self.problem.start)
        except UnsupportedError as error:
            self.refusal = str(error)
            return float("inf")

    def _improve(self, state: State, probe: bool) -> tuple[bool, str] | None:
        """L-BFGS-B, restarted while a restart still helps (kinks of the objective can stall it)."""
        sizes = np.cumsum([0] + [len(b.bounds) for b in self.blocks])
        x = np.concatenate([b.start(state) for b in self.blocks])
        bounds = [pair for b in self.blocks for pair in b.bounds]
        x = np.clip(x, [lo for lo, _ in bounds], [hi for _, hi in bounds])
        previous, budget, lowest = np.inf, BUDGET, (np.inf, x)

        def loss(x: Array) -> tuple[float, Array]:
            nonlocal lowest
            value, slope = self._loss(x, state, sizes)
            if value < lowest[0]:
                lowest = (value, x.copy())
            return value, slope

        target = self.best[0] if self.best is not None else np.inf
        if probe:
            probing: dict[str, Any] = {"maxfun": PROBE, "maxcor": 20}
            found = minimize(loss, x, jac=True, method="L-BFGS-B", bounds=bounds, options=probing)
            if found.fun >= np.log(target):
                return None
            x = found.x
        while True:
            # 1e-15 at the default tolerance, 1e-10 at 1e-6: a loose search need not see rounding.
            options: dict[str, Any] = {"maxfun": budget, "maxiter": budget, "maxcor": 20}
            options |= {"ftol": self.tolerance ** (5 / 3), "gtol": GRADIENT}
            found = minimize(loss, x, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
            x, budget = found.x, budget - found.nfev
            if lowest[0] < found.fun - self.tolerance and budget > 0:
                # The line search ended on a plateau beyond the lowest point it saw: go on from there.
                if previous - lowest[0] < self.tolerance:
                    return True, f"converged: a restarted search gained less than {self.tolerance:g} (relative)"
                x, previous = lowest[1], lowest[0]
                continue
            slope = float(np.max(np.abs(_projected(found.x, found.jac, bounds))))
            if slope < 10 * GRADIENT:
                return True, f"converged: gradient of the log objective {slope:.1e}"
            if previous - found.fun < self.tolerance:
                return True, f"converged: a restarted search gained less than {self.tolerance:g} (relative)"
            if budget <= 0:
                return False, f"stopped after {BUDGET} evaluations, gradient of the log objective {slope:.1e}"
            previous = float(found.fun)

    def _loss(self, x: Array, state: State, sizes: NDArray[np.int64]) -> tuple[float, Array]:
        """Logarithm of the objective and its gradient; the logarithm makes tolerances relative."""
        self.evaluations += 1
        parts = [x[a:b] for a, b in pairwise(sizes)]
        try:
            for block, part in zip(self.blocks, parts, strict=True):
                state = block.apply(part, state)
            design = design_of(state, self.grid_free, self.eta_free)
            table = DifferentiableTable(state.solver, state.process, design, self.pattern)
        except UnsupportedError:
            # Two points have merged, or the process falls short of the range: a wall for the line search.
            return WALL, np.zeros_like(x)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, bars = self.objective.value_and_bars(table.table, self.spectrum, self.problem.start)
        # Where coefficients may vanish and come back (noise at eta = 0) the pattern is taken each time.
        self.pattern = None if self.eta_free or self.family else table.table.pattern
        if not np.isfinite(value):
            return WALL, np.zeros_like(x)
        self._remember(value, state, x)
        by_grid, by_eta, along = table.gradient(bars)
        gradient = np.concatenate(
            [b.pull_back(p, by_grid, by_eta, along) for b, p in zip(self.blocks, parts, strict=True)]
        )
        floor = value + 1e-300
        return float(np.log(floor)), gradient / floor

    def _remember(self, value: float, state: State, x: Array) -> None:
        if self.best is None or value < self.best[0]:
            self.best = (value, state, x.copy())
        if self.progress is not None:
            self.progress(self.evaluations, self.best[0])

    def _result(self, converged: bool, message: str, starts: int, scores: dict[str, float]) -> OptimizeResult:
        assert self.best is not None
        value, state, x = self.best
        sigmas = np.exp(state.log_sigma)
        # exp(log(x)) is x only to rounding; the ends of the range are met exactly.
        for end in (self.problem.sigma_max, self.problem.sigma_min):
            sigmas[np.isclose(sigmas, end, rtol=1e-12, atol=0.0)] = end
        family: dict[str, float] = {}
        if self.family and x.size:
            block = self.blocks[-1]
            assert isinstance(block, FamilyBlock)
            family = block.values(x[-len(block.knobs) :])
        grid = Grid.create(state.process, sigmas)
        return OptimizeResult(
            grid, state.eta, state.solver, state.process, value, converged, message,
            self.evaluations, starts, family, scores,
        )  # fmt: skip


def _projected(x: Array, gradient: Array, bounds: Sequence[tuple[float, float]]) -> Array:
    """Gradient without the components that push against an active bound."""
    low, high = np.array(bounds).T
    blocked = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
    return np.where(blocked, 0.0, gradient)
