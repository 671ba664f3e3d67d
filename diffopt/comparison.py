"""Every schedule, solver and budget side by side on one spectrum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import DiffoptError, InputError
from diffopt.grid import Grid
from diffopt.law import Start
from diffopt.objectives import OBJECTIVES
from diffopt.optimize import optimize
from diffopt.points import Points
from diffopt.problem import Problem
from diffopt.processes import Process
from diffopt.schedules import SCHEDULES, End
from diffopt.scoring import ERRORS, Scorer
from diffopt.solvers import SOLVERS, Solver, build_table, run_table
from diffopt.spectrum import Spectrum
from diffopt.stochasticity import DESIGNS, Design

Array = NDArray[np.float64]
#: Called with (groups done, groups in all).
Progress = Callable[[int, int], None]

#: Kinds of rows in the order in which a group shows them.
KINDS = ("fixed", "table", "spectrum", "stochasticity", "added", "optimized")
#: Relative gain below which the optimized rows stop: far below the digits that a table shows.
TOLERANCE = 1e-4
#: Grid on which the designs of the noise are compared.
DESIGN_SCHEDULE = "karras"


@dataclass(frozen=True, eq=False)
class Setting:
    """What is compared.

    Attributes
    ----------
    spectrum, process, sigma_max, sigma_min, end, start
        As in :class:`diffopt.problem.Problem`; None takes the process's default.
    solvers : sequence of Solver
    budgets : sequence of int
        Denoiser calls; solver steps where `equal_steps`.
    objective : str
        What the optimized rows minimize and ratios refer to.
    schedules, designs : sequence of str
        Names of rows.
    added : dict
        The user's own grids by name.
    optimized : bool
        Whether to optimize (ratios need it).
    equal_steps : bool
        Whether budgets count steps.
    """

    spectrum: Spectrum
    process: Process
    solvers: Sequence[Solver]
    budgets: Sequence[int]
    sigma_max: float | None = None
    sigma_min: float | None = None
    end: End = "zero"
    start: Start = "exact"
    objective: str = "robust"
    schedules: Sequence[str] = tuple(SCHEDULES)
    designs: Sequence[str] = tuple(DESIGNS)
    added: dict[str, Array] = field(default_factory=dict)
    optimized: bool = True
    equal_steps: bool = False

    def problem(self, solver: Solver, steps: int) -> Problem:
        """The problem of one solver and step count."""
        return Problem.create(
            self.spectrum, self.process, solver, steps, self.sigma_max, self.sigma_min, self.end, self.start
        )


@dataclass(frozen=True, eq=False)
class Row:
    """One grid with one solver.

    Attributes
    ----------
    schedule, kind, solver, clock : str
        `kind` is one of KINDS; `design` names the noise of a stochasticity row.
    budget, steps, denoiser_calls : int
        The budget asked for, and what the run really takes.
    sigmas, eta : ndarray
        Grid and noise coefficients.
    errors, held_out : dict
        Exact errors; Frechet distance of the same grid on perturbed spectra. None where infinite.
    ratio : float or None
        Value of the objective over that of the group's optimized row.
    best : bool
        Smallest objective among the rows of its group that are not optimized.
    """

    schedule: str
    kind: str
    solver: str
    clock: str | None
    budget: int
    steps: int
    denoiser_calls: int
    sigmas: Array
    eta: Array
    errors: dict[str, float | None]
    held_out: dict[str, float | None]
    reasons: dict[str, str]
    design: str | None = None
    ratio: float | None = None
    best: bool = False

    @property
    def held_out_worst(self) -> float | None:
        """Largest held-out Frechet distance."""
        values = [v for v in self.held_out.values() if v is not None]
        return max(values) if len(values) == len(self.held_out) else None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Rows by group, and what could not be computed."""

    setting: Setting
    sigma_max: float
    sigma_min: float
    rows: list[Row]
    skipped: dict[str, str]


def compare(setting: Setting, progress: Progress | None = None) -> Comparison:
    """Score every schedule with every solver at every budget.

    Rows of a group (solver and budget) solve the same problem with at most `budget` denoiser calls.
    The optimized row is never worse than any other row of its group: it is the best of them improved.

    Raises
    ------
    InputError
        Unknown names, an empty list, or a budget below 1.
    """
    _check(setting)
    runs = _Runs(setting)
    groups = [(solver, budget) for solver in setting.solvers for budget in runs.budgets(solver)]
    for done, (solver, budget) in enumerate(groups):
        runs.group(solver, budget)
        if progress is not None:
            progress(done + 1, len(groups))
    runs.noise_designs()
    first = setting.problem(setting.solvers[0], 1)
    return Comparison(setting, first.sigma_max, first.sigma_min, runs.rows, runs.skipped)


class _Runs:
    """Rows as they are computed."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.scorer = Scorer(setting.spectrum, setting.start)
        self.short = replace(setting, spectrum=self.scorer.spectrum)
        self.rows: list[Row] = []
        self.skipped: dict[str, str] = {}

    def budgets(self, solver: Solver) -> list[int]:
        """The asked budgets, and those of added grids that have another length."""
        wanted = dict.fromkeys(self.setting.budgets)
        if self.setting.equal_steps:
            return [*wanted, *(n for n in map(_steps, self.setting.added.values()) if n not in wanted)]
        taken = {steps_within(self.setting, solver, budget) for budget in wanted}
        for levels in self.setting.added.values():
            if _steps(levels) not in taken:
                wanted.setdefault(calls_of(self.setting, solver, _steps(levels)))
        return list(wanted)

    def group(self, solver: Solver, budget: int) -> None:
        """All rows of a solver and a budget, the optimized one last."""
        setting = self.setting
        steps = budget if setting.equal_steps else steps_within(setting, solver, budget)
        if steps is None:
            self.skipped[f"{solver.name}, budget {budget}"] = "one step takes more denoiser calls"
            return
        problem = self.short.problem(solver, steps)
        asked = budget in setting.budgets
        rows = self._named(problem, budget) if asked else []
        for name, levels in setting.added.items():
            if _steps(levels) == steps:
                rows.append(self._row(problem, budget, Grid.create(setting.process, levels), name, "added"))
        if setting.optimized and rows:
            rows.append(self._optimized(problem, budget, rows))
        self.rows += _ranked(rows, setting.objective)

    def _named(self, problem: Problem, budget: int) -> list[Row]:
        rows = []
        for name in self.setting.schedules:
            schedule = SCHEDULES[name]()
            try:
                rows.append(self._row(problem, budget, schedule.grid(problem.request), name, schedule.kind))
            except DiffoptError as error:
                self.skipped[f"{name}, {problem.solver.name}, {problem.steps} steps"] = str(error)
        return rows

    def _row(
        self, problem: Problem, budget: int, grid: Grid, name: str, kind: str, design: Design | None = None
    ) -> Row:
        solver = problem.solver
        eta = solver.etas(None, grid.steps) if design is None else design.etas(self.scorer.spectrum, grid)
        table = build_table(solver, Points.create(grid.process, grid.sigmas), eta)
        scores = self.scorer.score(table)
        return Row(
            name, kind, solver.name, solver.clock_name(problem.process), budget, grid.steps, table.calls,
            grid.sigmas, eta, scores.errors, scores.held_out, scores.reasons,
            None if design is None else design.name,
        )  # fmt: skip

    def _optimized(self, problem: Problem, budget: int, rows: list[Row]) -> Row:
        """The optimum, or a better row (of the user's, or through rounding) where there is one."""
        objective = self.setting.objective
        first = min(rows, key=lambda r: _value(r, objective))
        # The rows are scored already: only the best named one is worth improving.
        named = [r.schedule for r in sorted(rows, key=lambda r: _value(r, objective)) if r.schedule in SCHEDULES]
        result = optimize(problem, OBJECTIVES[objective](), searches=1, starts=named[:1] or None, tolerance=TOLERANCE)
        row = self._row(problem, budget, result.grid, "optimized", "optimized")
        if _value(first, objective) < _value(row, objective):
            return replace(first, schedule="optimized", kind="optimized", design=None)
        return row

    def noise_designs(self) -> None:
        """Designs of the noise on one grid; ratios refer to DDIM without noise on its own optimum."""
        setting = self.setting
        if not setting.designs:
            return
        for budget in setting.budgets:
            rows: list[Row] = []
            for name in setting.designs:
                try:
                    rows.append(self._design_row(DESIGNS[name], budget))
                except DiffoptError as error:
                    self.skipped[f"{name}, budget {budget}"] = str(error)
            if setting.optimized and rows:
                steps = budget if setting.equal_steps else steps_within(setting, SOLVERS["ddim"](), budget)
                rows.append(self._optimized(self.short.problem(SOLVERS["ddim"](), steps or 1), budget, rows))
                rows[-1] = replace(rows[-1], design="optimized grid without noise")
            self.rows += _ranked(rows, setting.objective)

    def _design_row(self, design: Design, budget: int) -> Row:
        steps = budget if self.setting.equal_steps else steps_within(self.setting, design.solver, budget)
        if steps is None:
            raise InputError("one step takes more denoiser calls")
        problem = self.short.problem(design.solver, steps)
        grid = SCHEDULES[DESIGN_SCHEDULE]().grid(problem.request)
        return self._row(problem, budget, grid, DESIGN_SCHEDULE, "stochasticity", design)


def _ranked(rows: list[Row], objective: str) -> list[Row]:
    """Rows with ratios to the group's optimum and the best published one marked."""
    optimum = next((_value(r, objective) for r in rows if r.kind == "optimized"), None)
    published = [r for r in rows if r.kind != "optimized"]
    best = min(published, key=lambda r: _value(r, objective), default=None)
    return [replace(r, ratio=_ratio(_value(r, objective), optimum), best=r is best) for r in rows]


def _ratio(value: float, optimum: float | None) -> float | None:
    if optimum is None or not np.isfinite(value) or not np.isfinite(optimum):
        return None
    return value / optimum if optimum > 0 else (1.0 if value == 0 else None)


def _value(row: Row, objective: str) -> float:
    value = row.errors[objective]
    return np.inf if value is None else value


def _steps(levels: Array) -> int:
    return int(np.size(levels)) - 1


def calls_of(setting: Setting, solver: Solver, steps: int) -> int:
    """Denoiser calls of a run of `steps` steps, counted in its table."""
    request = setting.problem(solver, steps).request
    name = "uniform_t" if np.isinf(request.sigma_max) or request.sigma_min <= 0 else "exponential"
    return run_table(solver, SCHEDULES[name]().grid(request)).calls


def steps_within(setting: Setting, solver: Solver, budget: int) -> int | None:
    """Largest number of steps whose denoiser calls stay within the budget; None where one is too many."""
    for steps in range(budget, 0, -1):
        if calls_of(setting, solver, steps) <= budget:
            return steps
    return None


def _check(setting: Setting) -> None:
    if not setting.solvers or not setting.budgets:
        raise InputError("nothing to compare: name at least one solver and one number of steps")
    if min(setting.budgets) < 1:
        raise InputError(f"a budget must be at least 1, got {min(setting.budgets)}")
    if setting.objective not in ERRORS:
        raise InputError(f"objective {setting.objective!r} is unknown; use one of {', '.join(ERRORS)}")
    for names, known in ((setting.schedules, SCHEDULES), (setting.designs, DESIGNS)):
        for name in names:
            if name not in known:
                raise InputError(f"schedule {name!r} is unknown; see `diffopt list schedules`")


