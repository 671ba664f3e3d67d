"""Every schedule, solver and budget side by side on one spectrum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.errors import DiffoptError, InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.workers import results
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.metrics import decided
from diffopt.objectives.problem import Problem
from diffopt.objectives.scores import JoinedSpectra
from diffopt.processes.grid import Grid
from diffopt.schedules import HABIT, SCHEDULES
from diffopt.search.descent import optimize
from diffopt.solvers import SOLVERS, Solver
from diffopt.solvers.designs import DESIGNS, PublishedDesign
from diffopt.studies.comparison.row import Row
from diffopt.studies.comparison.scored import NamedGrid, scored_row, scored_rows
from diffopt.studies.comparison.setting import Setting, calls_of, steps_of, steps_within

#: A solver and a budget; None stands for the designs of the noise.
Group = tuple[Solver | None, int]
#: Called with (groups done, groups in all).
Progress = Callable[[int, int], None]

#: Relative gain below which the optimized rows stop: far below the digits that a table shows.
TOLERANCE = 1e-4
#: Rows that end above sigma_min from which an optimized row is searched for, beside the best row.
SEARCHED = 2
#: Groups from which processes of their own pay.
ENOUGH = 6


@dataclass(frozen=True, eq=False)
class Comparison:
    """Rows by group, those that are shown and those that are not, and what could not be computed."""

    setting: Setting
    sigma_max: float
    sigma_min: float
    rows: list[Row]
    skipped: dict[str, str]
    hidden: Sequence[Row] = ()


def compare(setting: Setting, progress: Progress | None = None, workers: int = 1) -> Comparison:
    """Score every schedule with every solver at every budget.

    Rows of a group (solver and budget) solve the same problem with at most `budget` denoiser calls.
    The optimized row is never worse than any other row of its group: it is the best of them improved.
    With several `workers` groups are computed in processes; the result does not depend on their number.

    Raises
    ------
    InputError
        Unknown names, an empty list, or a budget below 1.
    """
    setting.check()
    runs = _runs(setting)
    groups: list[Group] = [(solver, budget) for solver in setting.solvers for budget in runs.budgets(solver)]
    groups += [(None, budget) for budget in setting.budgets if setting.designs]
    # Fresh processes cost more than a few groups.
    workers = workers if len(groups) >= ENOUGH else 1
    batches, done = _batches(runs, groups, workers), 0
    computed: dict[int, tuple[list[Row], dict[str, str]]] = {}
    for batch, found in zip(batches, results(_batch, setting, [[groups[i] for i in b] for b in batches], workers), strict=True):
        computed |= dict(zip(batch, found, strict=True))
        done += len(batch)
        if progress is not None:
            progress(done, len(groups))
    rows = [row for i in range(len(groups)) for row in computed[i][0]]
    skipped = {k: v for i in range(len(groups)) for k, v in computed[i][1].items()}
    first = setting.problem(setting.solvers[0], 1)
    return Comparison(setting, first.sigma_max, first.sigma_min, rows, skipped)


def _batches(runs: _Runs, groups: list[Group], workers: int) -> list[list[int]]:
    """Numbers of the groups that one process computes together, the longest work first.

    Groups of equal steps share the grids of schedules, some of which are optimizations of their own; no batch is more
    than its share of all groups.
    """
    if workers == 1:
        return [[i] for i in range(len(groups))]
    by_steps: dict[int, list[int]] = {}
    for i, (solver, budget) in enumerate(groups):
        by_steps.setdefault(0 if solver is None else runs.steps(solver, budget) or 0, []).append(i)
    most = -(-len(groups) // workers)
    cost = {steps: steps * len(members) for steps, members in by_steps.items()}
    ordered = sorted(by_steps, key=lambda steps: -cost[steps])
    return [by_steps[steps][a : a + most] for steps in ordered for a in range(0, len(by_steps[steps]), most)]


def _batch(setting: Setting, groups: list[Group]) -> list[tuple[list[Row], dict[str, str]]]:
    return [_group(setting, group) for group in groups]


def _group(setting: Setting, group: Group) -> tuple[list[Row], dict[str, str]]:
    """Rows of one group, alone."""
    runs = _runs(setting)
    runs.rows, runs.skipped = [], {}
    solver, budget = group
    if solver is None:
        runs.noise_designs(budget)
    else:
        runs.group(solver, budget)
    found = runs.rows, runs.skipped
    runs.rows, runs.skipped = [], {}
    return found


class _Runs:
    """Rows as they are computed."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.scorer = JoinedSpectra(setting.data, setting.start)
        self.short = replace(setting, data=Dataset.of(setting.data).shortened("design"))
        self.rows: list[Row] = []
        self.skipped: dict[str, str] = {}

    def budgets(self, solver: Solver) -> list[int]:
        """The asked budgets, and those of added grids that have another length."""
        wanted = dict.fromkeys(self.setting.budgets)
        if self.setting.equal_steps:
            return [*wanted, *(n for n in map(steps_of, self.setting.added.values()) if n not in wanted)]
        taken = {steps_within(self.setting, solver, budget) for budget in wanted}
        for levels in self.setting.added.values():
            if steps_of(levels) not in taken:
                wanted.setdefault(calls_of(self.setting, solver, steps_of(levels)))
        return list(wanted)

    def steps(self, solver: Solver, budget: int) -> int | None:
        """Steps that a budget pays for."""
        return budget if self.setting.equal_steps else steps_within(self.setting, solver, budget)

    def group(self, solver: Solver, budget: int) -> None:
        """All rows of a solver and a budget, the optimized one last."""
        setting = self.setting
        steps = self.steps(solver, budget)
        if steps is None:
            self.skipped[f"{solver.name}, budget {budget}"] = "one step takes more denoiser calls"
            return
        problem = self.short.problem(solver, steps)
        asked = budget in setting.budgets
        rows = self._named(problem, budget) if asked else []
        for name, levels in setting.added.items():
            if steps_of(levels) == steps:
                row = self._row(problem, budget, NamedGrid(name, "added", Grid.create(setting.process, levels)))
                rows.append(replace(row, other_range=other_range(row.sigmas, problem)))
        if setting.optimized and rows:
            rows.append(self._optimized(problem, budget, rows))
        self.rows += _ranked(rows, row_error(rows, setting.objective))

    def _named(self, problem: Problem, budget: int) -> list[Row]:
        grids = []
        rules = {name: SCHEDULES[name]() for name in self.setting.schedules} | dict(self.setting.named)

        def refused(name: str, error: DiffoptError) -> None:
            self.skipped[f"{name}, {problem.solver.name}, {problem.steps} steps"] = str(error)

        for name, schedule in rules.items():
            try:
                grids.append(NamedGrid(name, schedule.kind, schedule.grid(problem.span)))
            except DiffoptError as error:
                refused(name, error)
        return scored_rows(self.scorer, problem, budget, grids, lambda named, error: refused(named.name, error))

    def _row(self, problem: Problem, budget: int, named: NamedGrid) -> Row:
        return scored_row(self.scorer, problem, budget, named)

    def _optimized(self, problem: Problem, budget: int, rows: list[Row]) -> Row:
        """The optimum, or a better row (of the user's, or through rounding) where there is one."""
        objective = self.setting.objective
        rows = [row for row in rows if row.other_range is None]
        first = min(rows, key=lambda r: _value(r, objective), default=None)
        # Rows that are left out of the table are starts all the same.
        starts = _starts(rows, problem, objective) if len(self.setting.schedules) > len(SCHEDULES) // 2 else []
        result = optimize(
            problem, OBJECTIVES[objective](), searches=len(starts) or 3, starts=starts or None, tolerance=TOLERANCE
        )
        optimum = NamedGrid("optimized", "optimized", result.grid)
        row = self._row(replace(problem, solver=result.solver), budget, optimum)
        if first is not None and _value(first, objective) < _value(row, objective):
            return replace(first, schedule="optimized", kind="optimized", design=None)
        return row

    def noise_designs(self, budget: int) -> None:
        """Designs of the noise on one grid; ratios refer to DDIM without noise on its own optimum."""
        setting = self.setting
        rows: list[Row] = []
        for name in setting.designs:
            try:
                rows.append(self._design_row(DESIGNS[name], budget))
            except DiffoptError as error:
                self.skipped[f"{name}, budget {budget}"] = str(error)
        if setting.optimized and rows:
            steps = self.steps(SOLVERS["ddim"](), budget)
            ddim = setting.wrong(SOLVERS["ddim"]())
            rows.append(self._optimized(self.short.problem(ddim, steps or 1), budget, rows))
            rows[-1] = replace(rows[-1], design="optimized grid without noise")
        self.rows += _ranked(rows, row_error(rows, setting.objective))

    def _design_row(self, design: PublishedDesign, budget: int) -> Row:
        steps = self.steps(design.solver, budget)
        if steps is None:
            raise InputError("one step takes more denoiser calls")
        problem = self.short.problem(self.setting.wrong(design.solver), steps)
        # Designs of the noise are compared on one grid.
        grid = SCHEDULES[HABIT]().grid(problem.span)
        return self._row(problem, budget, NamedGrid(HABIT, "stochasticity", grid, design))


@lru_cache(maxsize=1)
def _runs(setting: Setting) -> _Runs:
    """The held-out spectra and short spectra of a setting, made once a process."""
    return _Runs(setting)


def _starts(rows: list[Row], problem: Problem, objective: str) -> list[str]:
    """The best named rows, which are scored already: of both kinds, ending at sigma_min and above it.

    A search cannot leave sigma_min as the level before the step to 0, where the gradient by its share is flat.
    """
    named = sorted((r for r in rows if r.schedule in SCHEDULES), key=lambda r: _value(r, objective))
    above = [r for r in named if r.steps > 1 and r.sigmas[-2] > 1.01 * problem.sigma_min]
    return list(dict.fromkeys(r.schedule for r in (*named[:1], *above[:SEARCHED])))


def row_error(rows: Sequence[Row], objective: str) -> str:
    """The error that tells the rows of a group apart, by those that solve its problem."""
    return decided(objective, [row.errors for row in rows if row.other_range is None])


def _ranked(rows: list[Row], objective: str) -> list[Row]:
    """Rows with ratios to the group's optimum and the best one beside it marked."""
    optimum = next((_value(r, objective) for r in rows if r.kind == "optimized"), None)
    published = [r for r in rows if r.kind != "optimized" and r.other_range is None]
    best = min(published, key=lambda r: _value(r, objective), default=None)
    return [_placed(r, _ratio(_value(r, objective), optimum), r is best) for r in rows]


def _placed(row: Row, ratio: float | None, best: bool) -> Row:
    """The row with its ratio; one of another range solves another problem and has none."""
    if row.other_range is None:
        return replace(row, ratio=ratio, best=best)
    return replace(row, reasons=row.reasons | {"ratio": f"another range: {row.other_range}"})


def other_range(sigmas: Array, problem: Problem) -> str | None:
    """How a grid misses the range of the problem; None where it fills it."""
    if not np.isclose(sigmas[0], problem.sigma_max, rtol=1e-6, atol=0):
        return f"starts at sigma {sigmas[0]:g}, not {problem.sigma_max:g}"
    if (sigmas[-1] == 0) != (problem.end == "zero"):
        return f"ends at {sigmas[-1]:g}, not at {'0' if problem.end == 'zero' else 'sigma_min'}"
    last = sigmas[-2] if problem.end == "zero" and sigmas.size > 2 else sigmas[-1]
    low = problem.sigma_min
    if problem.end == "sigma_min" and not np.isclose(last, low, rtol=1e-6, atol=0):
        return f"ends at {last:g}, not at {low:g}"
    return f"reaches sigma {last:g}, below {low:g}" if 0 < last < low * (1 - 1e-6) else None


def _ratio(value: float, optimum: float | None) -> float | None:
    if optimum is None or not np.isfinite(value) or not np.isfinite(optimum):
        return None
    return value / optimum if optimum > 0 else (1.0 if value == 0 else None)


def _value(row: Row, objective: str) -> float:
    value = row.errors[objective]
    return np.inf if value is None else value
