"""Which solver, grid and number of steps for a budget of denoiser calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffopt.errors import DiffoptError, InputError, UnsupportedError
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.objectives.robust import Robust, amplifies
from diffopt.processes.grid import Grid
from diffopt.schedules import HABIT, SCHEDULES, Schedule
from diffopt.search.descent import optimize
from diffopt.search.starts import applicable
from diffopt.solvers import SOLVERS, Solver
from diffopt.studies.calls import steps_for

#: Solvers that are compared unless others are named: those that hosts run and that differ as schemes.
CANDIDATES = (
    "euler", "heun", "dpm_2", "dpmpp_2m", "dpmpp_3m", "unipc", "ipndm", "deis", "lms", "res_2m",
    "euler_ancestral", "dpmpp_2m_sde", "fitted_3",
)  # fmt: skip
#: Relative gain at which a search of a recommendation stops, and starts that it takes.
TOLERANCE, STARTS = 1e-4, (HABIT, "exponential", "first_order", "first_order_heun", "first_order_2m", "sgm_uniform")

#: progress(done, total) in solvers.
Progress = Callable[[int, int], None]
#: A question and what is free as somebody's program runs them: the question there, and the eta that it fixes.
Hosted = Callable[[Problem, Sequence[str]], tuple[Problem, Any]]


@dataclass(frozen=True, eq=False)
class Habit:
    """What people run without looking: this solver on this schedule; `whole`: from pure noise to 0 and not otherwise."""

    solver: str
    schedule: Schedule
    whole: bool = False


#: Of models with a finite range; of flow models it depends on the model.
USUAL = Habit("dpmpp_2m", SCHEDULES[HABIT]())


@dataclass(frozen=True, eq=False)
class Offer:
    """One solver on one grid within the budget.

    Attributes
    ----------
    problem, grid : Problem, Grid
        What was run: the scheme with its options, the start law, the levels.
    schedule : str
        The grid's name; `optimized` is the grid found here.
    calls : int
        Denoiser calls.
    eta : float
        Coefficient of the injected noise.
    robust, frechet : float
        Errors, data units; `robust` ranks.
    robust_steps : float or None
        `robust` without the part of the start, where it is defined.
    own_eta : bool
        Whether eta is the solver's own because a search says that none is best.
    optimized_eta : bool
        Whether eta was searched for with the grid.
    asked : str
        The candidate's name; `solver` is what a host runs under it.
    habit : bool
        Whether this is what people run without looking.
    """

    problem: Problem
    grid: Grid
    schedule: str
    calls: int
    eta: float
    robust: float
    frechet: float
    optimized_eta: bool
    asked: str
    robust_steps: float | None = None
    own_eta: bool = False
    habit: bool = False

    @property
    def solver(self) -> Solver:
        """The scheme with its options as it was run."""
        return self.problem.solver

    @property
    def steps(self) -> int:
        """Steps that the calls pay for."""
        return self.grid.steps

    @property
    def fitted(self) -> bool:
        """Whether the coefficients are made for this very spectrum, which flatters both numbers."""
        return self.solver.needs_data


def offers(
    problem: Problem, calls: int, names: Sequence[str] = CANDIDATES, progress: Progress | None = None,
    host: Hosted | None = None, habit: Habit | None = USUAL,
) -> list[Offer]:  # fmt: skip
    """Every solver on its own optimized grid at equal calls, and the habit, the least `robust` first.

    A solver that has no finite error here, or too few steps, is left out. Every solver gets the score error of the
    problem's solver; eta of those with noise is optimized with the grid. `host` puts every question as a program runs
    it; what it cannot run is left out. A solver whose best eta is 0, which makes it another one, stands with its own eta.
    """
    to_data = problem.end == "zero"
    found: list[Offer] = []
    for done, name in enumerate(names):
        if progress is not None:
            progress(done, len(names))
        steps = steps_for(SOLVERS[name](), calls, to_data)
        try:
            found += _offer(problem, name, steps, host or _as_it_is)
        except DiffoptError:
            continue
    try:
        found += [] if habit is None else [_usual(problem, habit, calls, host or _as_it_is)]
    except DiffoptError:
        pass
    return sorted((o for o in found if np.isfinite(o.robust)), key=lambda o: o.robust)


def _usual(problem: Problem, habit: Habit, calls: int, host: Hosted) -> Offer:
    """What people run, as it is run there."""
    usual = SOLVERS[habit.solver](error=problem.solver.error)
    if habit.whole and (problem.end != "zero" or np.isfinite(problem.sigma_max)):
        raise UnsupportedError(f"{habit.schedule.name} is run from pure noise to 0")
    there, eta = host(replace(problem, solver=usual, steps=steps_for(usual, calls, problem.end == "zero")), ())
    grid = habit.schedule.grid(replace(there.span, sigma_max=problem.sigma_max) if habit.whole else there.span)
    if habit.whole and there.sigma_max < problem.sigma_max:
        # It starts just below pure noise.
        grid = Grid.create(grid.process, [there.sigma_max, *grid.sigmas[1:]])
    return replace(_scored(there, grid, habit.schedule.name, habit.solver, eta), habit=True)


def _as_it_is(problem: Problem, _: Sequence[str]) -> tuple[Problem, None]:
    """Without a host."""
    return problem, None


def _put(problem: Problem, host: Hosted) -> tuple[Problem, Any, tuple[str, ...]]:
    """A question there, its eta, and what is free: eta where the scheme has one and the host leaves it to the user."""
    try:
        asked = ("grid", "eta") if problem.solver.eta_meaning is not None else ("grid",)
        there, eta = host(problem, asked)
    except InputError:
        asked = ("grid",)
        there, eta = host(problem, asked)
    return there, eta, asked if there.solver.eta_meaning is not None else ("grid",)


def _offer(problem: Problem, name: str, steps: int, host: Hosted) -> list[Offer]:
    if steps < 1:
        return []
    made = SOLVERS[name](error=problem.solver.error)
    there, fixed, free = _put(replace(problem, solver=made, steps=steps), host)
    own = replace(there, solver=there.solver.for_data(problem.data).for_even_grid())
    few = own.compressed("design")
    result = optimize(few, Robust(), free, fixed, searches=1, starts=STARTS, tolerance=TOLERANCE)
    searched = "eta" in free
    eta = round(float(result.eta[0]), 4) if searched else fixed
    own_eta = searched and eta == 0 and own.solver.default_eta > 0
    if own_eta:
        # Without noise it is another row's scheme; as people run it it is not.
        searched, eta = False, float(own.solver.default_eta)
        result = optimize(few, Robust(), ("grid",), eta, searches=1, starts=STARTS, tolerance=TOLERANCE)
    found = replace(_scored(own, result.grid, "optimized", name, eta, searched), own_eta=own_eta)
    if not amplifies(found.frechet, found.robust):
        return [found]
    # Levels so close that old outputs get weights of thousands: the best named grid instead.
    grids = applicable(few, STARTS)
    named = [_scored(own, grid, schedule, name, eta, searched) for schedule, grid in grids.items()]
    steady = [offer for offer in named if np.isfinite(offer.robust) and not amplifies(offer.frechet, offer.robust)]
    return [min(steady, key=lambda offer: offer.robust)] if steady else []


def _scored(
    problem: Problem, grid: Grid, schedule: str, asked: str, eta: float | None = None, searched: bool = False
) -> Offer:
    """Errors over the whole spectrum, as `evaluate` states them."""
    found = evaluate(problem, grid, eta, expand=False)
    robust, frechet = (np.inf if v is None else v for v in (found.robust, found.frechet))
    used = float(problem.solver.default_eta) if eta is None else eta
    return Offer(problem, grid, schedule, found.denoiser_calls, used, robust, frechet, searched, asked, found.robust_steps)
