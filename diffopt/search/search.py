"""One optimization: the short spectrum, the free variables, the objective with its gradient, the best so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from diffopt.data.compression import short
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.foundation.quasi_newton import Memory, Minimum
from diffopt.law.gradient import DifferentiableTable
from diffopt.objectives import Objective
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.schedules import HABIT, SCHEDULES, Schedule
from diffopt.search.blocks import blocks_of
from diffopt.search.family import FamilyBlock
from diffopt.search.lbfgs import Descent, descend
from diffopt.search.scoring import Scorer
from diffopt.search.starts import applicable
from diffopt.search.variables import EtaBlock, GridBlock, State, design_of
from diffopt.solvers.panels import NODES, ROUGH, ROUGHER, SHORT
from diffopt.solvers.table import Pattern

Progress = Callable[[int, float], None]

#: Relative decrease of the objective below which a search has converged.
TOLERANCE = 1e-9
#: The same for solvers whose coefficients are fitted on every grid: flat optima, and evaluations of three times the cost.
FITTED = 1e-5
#: Eigenvalues that are searched as they are where errors cancel.
FEW = 128
#: Tolerances, and the gain, below which a search among kinks of more than so many eigenvalues crawls.
CRAWL, MANY = (2e3, 2e-6), 64
#: Values, in units of the optimum, that are computed exactly after a rough search.
CLOSE = 1.05
#: Log objective where it is not finite.
WALL = 1e3


class Search:
    """One optimization: the short spectrum, the free variables, the best design so far."""

    def __init__(
        self,
        problem: Problem,
        objective: Objective,
        free: Sequence[str] = ("grid",),
        eta: float | Array | None = None,
        schedule: Schedule | None = None,
        progress: Progress | None = None,
        names: Sequence[str] | None = None,
        tolerance: float = TOLERANCE,
    ) -> None:
        self.problem, self.objective, self.free, self.progress = problem, objective, free, progress
        self.schedule = schedule or SCHEDULES[HABIT]()
        # Scaled copies are made of the short spectrum: an ensemble of the full one would be long for nothing.
        self.short = problem.compressed("design")
        self.spectrum: Spectrum = self._scored()
        self.eta = problem.solver.etas(eta, problem.steps)
        self.blocks = blocks_of(problem, free, self.schedule)
        self.sizes = np.cumsum([0] + [len(b.bounds) for b in self.blocks])
        self.bounds = [pair for b in self.blocks for pair in b.bounds]
        self.grid_free = any(isinstance(b, GridBlock) for b in self.blocks)
        self.eta_free = any(isinstance(b, EtaBlock) for b in self.blocks)
        self.family = any(isinstance(b, FamilyBlock) for b in self.blocks)
        self.scorer = Scorer(problem, objective, self.spectrum)
        self.names, self.gradients = names, 0
        self.tolerance = max(tolerance, FITTED) if problem.solver.needs_data else tolerance
        self.pattern: Pattern | None = None
        self.best: tuple[float, State, Array] | None = None

    def _scored(self) -> Spectrum:
        """Spectrum of the objective: few eigenvalues, or all of few where errors that cancel make values small."""
        members = self.problem.data.members
        if not self.objective.cancels:
            return short(self.objective.prepare(self.short.spectrum, members), "search")
        few = self.problem.spectrum.eig.size <= FEW
        return self.objective.prepare(self.problem.spectrum if few else self.short.spectrum, members)

    @property
    def many(self) -> bool:
        """Whether there are many local optima."""
        several = self.eta_free or self.family or self.objective.cancels
        return bool(self.bounds) and several and not self.problem.solver.needs_data

    @property
    def rough(self) -> bool:
        """Whether averages over random fractions are rough along a search: one optimum is followed, and errors cannot cancel."""
        return bool(self.bounds) and not self.many and self.problem.solver.nodes > 1

    @property
    def nodes(self) -> int:
        """Nodes of a panel of these averages along a search."""
        if not self.rough:
            return NODES
        return ROUGH if self.problem.steps < SHORT else ROUGHER

    @property
    def kinks(self) -> bool:
        """Whether defects change their signs, which memory and noise make them do."""
        return bool(self.problem.solver.memory or np.any(self.eta))

    @property
    def seen_kinks(self) -> bool:
        """Whether a search sees beyond its kinks: those of absolute values and noise without memory."""
        return self.kinks and not self.objective.cancels and not self.problem.solver.memory

    @property
    def scale(self) -> float | None:
        """Inverse second derivative of the log objective by a logit (eq. 320); None for other variables and among kinks."""
        if len(self.blocks) != 1 or not self.grid_free or self.kinks or "sigma_max" in self.free:
            return None
        order = self.problem.solver.law_order
        return self.problem.steps / (order * (order + 1))

    def starts(self) -> dict[str, State]:
        """Designs of the named schedules; of the one that is kept where the grid is not free."""
        if "grid" in self.free:
            grids = applicable(self.short, self.names)
        else:
            grids = {self.schedule.name: self.schedule.grid(self.short.span)}
        solver, process = self.problem.solver, self.problem.process
        return {name: State(grid.sigmas, self.eta, process, solver) for name, grid in grids.items()}

    def value(self, grid: Grid) -> float:
        """Objective of a grid on the optimizer's spectrum."""
        state = State(grid.sigmas, self.eta, self.problem.process, self.problem.solver)
        return float(self.scorer.scores([state])[0])

    def variables(self, state: State) -> Array:
        """Variables that reproduce a design as well as they can."""
        x = np.concatenate([b.start(state) for b in self.blocks])
        return np.asarray(np.clip(x, [lo for lo, _ in self.bounds], [hi for _, hi in self.bounds]))

    def parts(self, x: Array) -> list[Array]:
        """Variables by block."""
        return [x[a:b] for a, b in pairwise(self.sizes)]

    def place(self, x: Array, state: State) -> State | None:
        """Design at the variables; None where there is none."""
        try:
            for block, part in zip(self.blocks, self.parts(x), strict=True):
                state = block.place(part, state)
        except UnsupportedError:
            return None
        return state

    def improve(
        self, state: State, x: Array | None, probe: int = 0, tolerance: float | None = None,
        budget: int | None = None, slack: float = 0.0, known: Minimum | None = None,
    ) -> Descent | None:  # fmt: skip
        """Local search from a design (and variables); None where a probe ends more than `slack` above the best."""
        x = self.variables(state) if x is None else x
        if not self.bounds:
            value, slope = self.loss(x, state)
            found = Minimum(x, value, slope, 1, Memory())
            return Descent(x, value, True, "converged: nothing but a window of steps is free", found)
        target = np.inf if self.best is None else np.log(self.best[0] + 1e-300) + slack
        tolerance = tolerance or self.tolerance
        return descend(
            lambda x: self.loss(x, state), x, self.bounds, tolerance, target, probe, budget, known, self.scale,
            self.crawl(tolerance),
        )  # fmt: skip

    def crawl(self, tolerance: float) -> float:
        """Gain over some evaluations that ends a search among kinks; 0 where there are none that it sees beyond.

        Many eigenvalues stand for more of them to 1e-4 or so; few are the data themselves, and their kinks are larger.
        """
        if not self.seen_kinks:
            return 0.0
        many = self.spectrum.eig.size > MANY
        return max(tolerance, min(CRAWL[0] * tolerance, CRAWL[1])) if many else tolerance

    def loss(self, x: Array, state: State) -> tuple[float, Array]:
        """Logarithm of the objective and its gradient; the logarithm makes tolerances relative."""
        self.gradients += 1
        parts = self.parts(x)
        try:
            for block, part in zip(self.blocks, parts, strict=True):
                state = block.apply(part, state)
            design = design_of(state, self.grid_free, self.eta_free)
            solver = state.solver.averaged(self.nodes, self.scorer.floor)
            table = DifferentiableTable(solver, state.process, design, self.pattern)
        except UnsupportedError:
            # The process falls short of the range: a wall for the line search.
            return WALL, np.zeros_like(x)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, bars = self.objective.value_and_bars(table.table, self.spectrum, self.problem.start)
        # Where coefficients may vanish and come back (noise at eta = 0) the pattern is taken each time.
        self.pattern = None if self.eta_free or self.family else table.table.pattern
        if not np.isfinite(value):
            return WALL, np.zeros_like(x)
        self.remember(value, state, x)
        slopes = table.gradient(bars)
        gradient = np.concatenate([b.pull_back(p, *slopes) for b, p in zip(self.blocks, parts, strict=True)])
        floor = value + 1e-300
        if not np.all(np.isfinite(gradient)):
            return WALL, np.zeros_like(x)
        return float(np.log(floor)), gradient / floor

    def remember(self, value: float, state: State, x: Array | None) -> None:
        """Keep a design that is the best so far."""
        if self.best is None or value < self.best[0]:
            self.best = (value, replace(state, directions=()), np.zeros(0) if x is None else x.copy())
        if self.progress is not None:
            self.progress(self.evaluations, self.best[0])

    def settle(self, states: Mapping[str, State], scores: dict[str, float]) -> None:
        """Exact values of what was roughly searched: of the best design, and of starts that are not much worse, in `scores`."""
        assert self.best is not None
        if not self.rough:
            return
        value, state, x = self.best
        near = [name for name, score in scores.items() if score < CLOSE * value] or [min(scores, key=scores.__getitem__)]
        exact = self.scorer.scores([state, *(states[name] for name in near)])
        scores.update(zip(near, map(float, exact[1:]), strict=True))
        start = min(near, key=scores.__getitem__)
        self.best = (float(exact[0]), state, x) if exact[0] < scores[start] else (scores[start], states[start], np.zeros(0))

    @property
    def evaluations(self) -> int:
        """Designs scored, with and without a gradient."""
        return self.scorer.count + self.gradients
