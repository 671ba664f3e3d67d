"""How much noise a sampler should inject: the best eta, by design, objective and clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array, release_one
from diffopt.objectives.problem import Problem
from diffopt.processes.clocks import CLOCKS
from diffopt.processes.grid import Grid
from diffopt.solvers import Solver
from diffopt.solvers.model_error import ModelError
from diffopt.studies.added_etas import AddedEtas
from diffopt.studies.eta_chain import EtaChain
from diffopt.studies.eta_curves import FEW, Curves, Parabolas, TableCurves, between
from diffopt.studies.eta_fits import Asking, in_step
from diffopt.studies.eta_squares import EtaSquares
from diffopt.studies.eta_windows import BestWindow, Windows
from diffopt.studies.noise_errors import NOISE_OBJECTIVES, NoiseErrors
from diffopt.studies.step_etas import StepEtas

#: Called with (answers found, answers at most).
Progress = Callable[[int, int], None]
#: Etas and the parameters of their design.
Answer = tuple[Array, dict[str, float]]
#: Largest eta that is tried, and points of the first scan.
ETA_MAX, SCAN = 3.0, 49
ETA_DESIGNS = ("none", "constant", "window", "per_step")
#: Refinements of the best constant of the first scan, points of each, and how far the answer may lie from what is found.
ZOOMS, ZOOM, NEAR = 6, 13, 0.03
#: Gain that rounding may make, relative to the squares.
ROUNDED = 1e-13


@dataclass(frozen=True, eq=False)
class NoiseDesign:
    """One answer.

    Attributes
    ----------
    clock : str or None
        Clock of the scheme.
    design : str
        `none` (eta = 0), `constant`, `window` (a bump in log sigma) or `per_step`.
    objective : str
        What was minimized: `exact`, `signed` or `absolute`.
    eta : ndarray, shape (N,)
        Coefficient of each step.
    errors : dict
        The three objectives at this eta, data units.
    parameters : dict
        Height, centre and width of a window.
    """

    clock: str | None
    design: str
    objective: str
    eta: Array
    errors: dict[str, float]
    parameters: dict[str, float]


def at_bound(answer: NoiseDesign) -> bool:
    """Whether the largest eta that is tried holds an answer."""
    return bool(np.max(answer.eta) >= ETA_MAX * (1 - 1e-4)) or answer.parameters.get("height", 0.0) >= ETA_MAX


class NoiseStudy:
    """Best eta of a problem on a grid, by design and objective (theory.md, eqs. 77, 78).

    Searches run on a short spectrum and, where steps have no memory, on functions of each step's own eta between few
    tables (eqs. 405, 407); what they find is followed on the spectrum and the tables of the answer.
    """

    def __init__(self, problem: Problem, grid: Grid, error: ModelError | None = None) -> None:
        solver = problem.solver if error is None else replace(problem.solver, error=error)
        self.solver, self.grid, self.steps = solver, grid, grid.steps
        self.errors = NoiseErrors(problem, grid, solver)
        self.windows = Windows(grid.sigmas, ETA_MAX)
        self._short = NoiseErrors(problem.compressed("search"), grid, solver)
        self._known: dict[tuple[str, str], Answer] = {}
        self._goals: dict[str, tuple[EtaSquares, EtaSquares]] = {}
        self._curves: dict[bool, tuple[Curves, Curves] | None] = {}

    def error(self, objective: str, eta: Array | float) -> float:
        """Value of an objective; infinite where the scheme blows up."""
        return self.errors.one(objective, eta)

    def solve(self, design: str, objective: str) -> NoiseDesign:
        """Best eta of a design for an objective."""
        return solved([self], [(design, objective)])[0]

    def answers(self, asked: Sequence[tuple[str, str]]) -> list[NoiseDesign]:
        """Answers that are found."""
        found = [self._known[pair] for pair in asked]
        # One at a time, or a run would differ from the same one elsewhere by rounding.
        errors = [self.errors.every(eta[None])[:, 0].tolist() for eta, _ in found]
        clock = self.solver.clock_name(self.grid.process)
        return [
            NoiseDesign(clock, *pair, eta, dict(zip(NOISE_OBJECTIVES, error, strict=True)), parameters)
            for pair, error, (eta, parameters) in zip(asked, errors, found, strict=True)
        ]

    def goals(self, objective: str) -> tuple[EtaSquares, EtaSquares]:
        """The error that is searched, and the one that is answered."""
        if objective not in self._goals:
            curves = self._both_curves(objective != "exact")
            if curves is None:
                self._goals[objective] = EtaSquares(self._short, objective), EtaSquares(self.errors, objective)
            else:
                self._goals[objective] = EtaChain(self._short, objective, curves[0]), EtaChain(self.errors, objective, curves[1])
        return self._goals[objective]

    @property
    def chained(self) -> bool:
        """Whether errors are ends of chains, in whose searches the best etas for added errors are a start."""
        return self.goals("absolute")[0].derivatives is not None

    def _both_curves(self, leading: bool) -> tuple[Curves, Curves] | None:
        """Of each step's eta, on the short spectrum and on the other; None for schemes with memory."""
        if leading not in self._curves:
            try:
                rough = between(TableCurves(self._short, leading), np.linspace(0, ETA_MAX, SCAN), self.steps)
                fine: Curves = TableCurves(self.errors, leading)
                if isinstance(rough, Parabolas):
                    fine = between(fine, np.linspace(0, ETA_MAX, FEW), self.steps, 0.0)
                self._curves[leading] = rough, fine
            except UnsupportedError:
                self._curves[leading] = None
        return self._curves[leading]

    def best(self, design: str, objective: str) -> Asking[Answer]:
        """Answer of a design, remembered: the richer designs start from the poorer."""
        if (design, objective) not in self._known:
            rules = {"none": self._none, "constant": self._constant, "window": self._window, "per_step": self._per_step}
            found = yield from rules[design](objective)
            self._known[design, objective] = found
        return self._known[design, objective]

    def _none(self, objective: str) -> Asking[Answer]:
        del objective
        yield from ()
        return np.zeros(self.steps), {}

    def _constant(self, objective: str) -> Asking[Answer]:
        """The best of a scan, its surroundings looked at closer and closer; then the same near it."""
        yield from ()
        rough, fine = self.goals(objective)
        value = _closer(rough, np.linspace(0, ETA_MAX, SCAN), ZOOMS)
        value = _closer(fine, np.clip(value + NEAR * np.linspace(-1, 1, ZOOM), 0, ETA_MAX), ZOOMS - 2)
        return np.full(self.steps, value), {"eta": value}

    def _window(self, objective: str) -> Asking[Answer]:
        etas, _ = yield from self.best("constant", objective)
        best = yield from BestWindow(self.windows, *self.goals(objective)).best(float(etas[0]))
        height, centre, width = (float(part[0]) for part in self.windows.shapes(best[None]))
        return self.windows.at(height, centre, width), {"height": height, "centre": centre, "width": width}

    def _per_step(self, objective: str) -> Asking[Answer]:
        """Searches over all etas, from the poorer designs' best too."""
        starts = []
        for design in ("constant", "window"):
            etas, _ = yield from self.best(design, objective)
            starts.append(etas)
        if objective == "absolute":
            found = yield from AddedEtas(*self.goals(objective), ETA_MAX).best(starts)
        else:
            if self.chained:
                etas, _ = yield from self.best("per_step", "absolute")
                starts.append(etas)
            found = yield from StepEtas(*self.goals(objective), ETA_MAX).best(starts)
        every = np.array([*starts, found])
        return every[np.argmin(self.errors.many(objective, every))], {}


def solved(
    studies: Sequence[NoiseStudy], asked: Sequence[tuple[str, str]], progress: Progress | None = None
) -> list[NoiseDesign]:
    """Answers of studies on one grid, in which searches go side by side."""
    added, done = ("per_step", "absolute"), count(1)
    steps = [pair for pair in asked if pair[0] == "per_step" and pair != added]
    first = [study for study in studies if added in asked or (steps and study.chained)]
    stages = [[(study, pair) for pair in asked if pair[0] != "per_step" for study in studies]]
    stages += [[(study, added) for study in first], [(study, pair) for pair in steps for study in studies]]
    for stage in stages:
        told = [progress is not None and pair in asked for _, pair in stage]

        def found(i: int, told: Sequence[bool] = told) -> None:
            if progress is not None and told[i]:
                progress(next(done), len(asked) * len(studies))

        in_step([study.best(*pair) for study, pair in stage], found)
    return [answer for study in studies for answer in study.answers(asked)]


def _closer(goal: EtaSquares, etas: Array, zooms: int) -> float:
    """The best constant among some, looked for in smaller and smaller surroundings of the best."""
    value, least = 0.0, float(goal.totals(np.zeros((1, goal.steps)))[0])
    for _ in range(zooms + 1):
        totals = goal.totals(np.repeat(etas[:, None] ** 2, goal.steps, axis=1))
        best = int(np.argmin(totals))
        if totals[best] < least * (1 - ROUNDED):
            value, least = float(etas[best]), float(totals[best])
        etas = np.linspace(etas[max(best - 1, 0)], etas[min(best + 1, etas.size - 1)], ZOOM)
    return value


def _without_eta(solver: Solver) -> str:
    """Why a solver has no eta, and what to use."""
    if solver.churns:
        return f"solver {solver.name!r} has no eta, its noise is the churn: use diffopt optimize --schedule karras --free family"
    return f"solver {solver.name!r} injects no noise; use ddim, euler_ancestral, dpmpp_2m_sde, euler_maruyama or sra1"


def noise_study(
    problem: Problem,
    grid: Grid,
    error: ModelError | None = None,
    designs: tuple[str, ...] = ETA_DESIGNS,
    objectives: tuple[str, ...] = NOISE_OBJECTIVES,
    clocks: tuple[str, ...] | None = None,
    progress: Progress | None = None,
) -> list[NoiseDesign]:
    """Best eta for every clock, design and objective; `progress` is called with (answers found, at most).

    Raises
    ------
    UnsupportedError
        The solver injects no noise, or the clocks that were named have no finite steps on this grid.
    """
    release_one()
    solver = problem.solver
    if solver.eta_meaning is None:
        raise UnsupportedError(_without_eta(solver))
    names: list[str | None] = [solver.clock]
    if solver.uses_clock:
        # The time of `ve` is sigma: one clock under two names.
        every = [c for c in CLOCKS if c != "time" or (problem.process.continuous and not problem.process.time_is_sigma)]
        names = list(clocks) if clocks else [solver.clock] if solver.clock else list(every)
    asked = [("none", "exact")] * ("none" in designs) + [(d, o) for d in designs if d != "none" for o in objectives]
    studies = []
    for name in names:
        study = NoiseStudy(replace(problem, solver=replace(solver, clock=name)), grid, error)
        try:
            if np.isfinite(study.error("exact", 0.0)):
                studies.append(study)
        except UnsupportedError:
            # Asked for all clocks, leave out those that cannot take this grid's last step.
            if clocks:
                raise
    return solved(studies, asked, progress)


def present(
    problem: Problem, grid: Grid, error: ModelError | None = None, eta: float | None = None, clocks: Sequence[str] | None = None
) -> NoiseDesign | None:
    """The setting in force, the solver's own eta unless another is given, in the solver's own clock; None where not finite.

    The time of `ve` is sigma, and is called so unless `clocks` were named and call it time.
    """
    study = NoiseStudy(problem, grid, error)
    etas = problem.solver.etas(eta, grid.steps)
    try:
        errors = dict(zip(NOISE_OBJECTIVES, study.errors.every(etas[None])[:, 0].tolist(), strict=True))
    except UnsupportedError:
        return None
    if not np.isfinite(list(errors.values())).all():
        return None
    clock = problem.solver.clock_name(problem.process)
    clock = "sigma" if clock == "time" and problem.process.time_is_sigma and "time" not in (clocks or ()) else clock
    return NoiseDesign(clock, "present", "none", etas, errors, {"eta": float(etas[0])})
