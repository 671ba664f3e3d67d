"""How much noise a sampler should inject: the best eta, by design, objective and clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.foundation.quasi_newton import minimize
from diffopt.objectives.problem import Problem
from diffopt.processes.clocks import CLOCKS
from diffopt.processes.grid import Grid
from diffopt.solvers import Solver
from diffopt.solvers.model_error import ModelError
from diffopt.studies.noise_errors import NOISE_OBJECTIVES, NoiseErrors, slope
from diffopt.studies.noise_probes import Ending, Probe, apart, around, one_by_one, scattered
from diffopt.studies.step_etas import LONGEST, StepEtas

#: Called with (answers found, answers at most).
Progress = Callable[[int, int], None]
#: Etas of many variables.
EtaRule = Callable[[Array], Array]
#: Largest eta that is tried, and points of the first scan.
ETA_MAX, SCAN = 3.0, 49
#: Rounds of probes at most, and the relative gain that is worth another.
ROUNDS, GAIN = 16, 1e-6
ETA_DESIGNS = ("none", "constant", "window", "per_step")
#: Refinements of the best constant of the first scan, and points of each.
ZOOMS, ZOOM = 6, 13
#: Windows of the first scan: heights, centres and widths (the last two as shares of the log range);
#: the largest width, which stands for a constant; and the largest root of an exponent.
HEIGHTS = (0.15, 0.3, 0.6, 1.0, 1.5, 2.2, ETA_MAX)
CENTRES, WIDTHS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0), (1 / 12, 1 / 6, 1 / 3, 1.0)
WIDEST, ENDS = float(np.exp(5)), 60.0
#: Step of differences, evaluations of a local search, and what stands for infinity, in errors without noise.
STEP, BUDGET, WALL = 1e-5, 30, 1e6
#: Evaluations of a local search from the best so far.
LONG = 120


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
    """Best eta of a problem on a grid, by design and objective (theory.md, eqs. 77, 78)."""

    def __init__(self, problem: Problem, grid: Grid, error: ModelError | None = None) -> None:
        solver = problem.solver if error is None else replace(problem.solver, error=error)
        self.solver, self.grid, self.steps = solver, grid, grid.steps
        self.errors = NoiseErrors(problem, grid, solver)
        self._known: dict[tuple[str, str], tuple[Array, dict[str, float]]] = {}

    def error(self, objective: str, eta: Array | float) -> float:
        """Value of an objective; infinite where the scheme blows up."""
        return self.errors.one(objective, eta)

    def solve(self, design: str, objective: str) -> NoiseDesign:
        """Best eta of a design for an objective."""
        eta, parameters = self._best(design, objective)
        errors = {name: self.error(name, eta) for name in NOISE_OBJECTIVES}
        clock = self.solver.clock_name(self.grid.process)
        return NoiseDesign(clock, design, objective, eta, errors, parameters)

    def _best(self, design: str, objective: str) -> tuple[Array, dict[str, float]]:
        """Answer of a design, remembered: the richer designs start from the poorer."""
        if (design, objective) not in self._known:
            rules = {"none": self._none, "constant": self._constant, "window": self._window, "per_step": self._per_step}
            self._known[design, objective] = rules[design](objective)
        return self._known[design, objective]

    def _none(self, objective: str) -> tuple[Array, dict[str, float]]:
        del objective
        return np.zeros(self.steps), {}

    @cached_property
    def _constants(self) -> tuple[Array, Array]:
        """Constants of the first scan and their values by objective."""
        etas = np.linspace(0, ETA_MAX, SCAN)
        return etas, self.errors.every(np.repeat(etas[:, None], self.steps, axis=1))

    def _constant(self, objective: str) -> tuple[Array, dict[str, float]]:
        etas, every = self._constants
        values = every[NOISE_OBJECTIVES.index(objective)]
        for _ in range(ZOOMS):
            best = int(np.argmin(values))
            value, least = float(etas[best]), values[best]
            etas = np.linspace(etas[max(best - 1, 0)], etas[min(best + 1, etas.size - 1)], ZOOM)
            values = self.errors.many(objective, np.repeat(etas[:, None], self.steps, axis=1))
        best = int(np.argmin(values))
        value = float(etas[best]) if values[best] < least else value
        return np.full(self.steps, value), {"eta": value}

    def window(self, height: float | Array, centre: float | Array, width: float | Array) -> Array:
        """eta(sigma) = height exp(-(log(sigma/centre)/width)^2/2) at the start of every step (eq. 78)."""
        sigma = self.grid.sigmas[:-1]
        with np.errstate(divide="ignore"):
            place = np.where(np.isfinite(sigma), np.log(np.where(np.isfinite(sigma), sigma, 1) / centre), np.inf)
        return np.asarray(height * np.exp(-0.5 * (place / width) ** 2))

    @cached_property
    def _range(self) -> tuple[float, float]:
        """Log of the smallest positive and of the largest finite level."""
        sigma = self.grid.sigmas[(self.grid.sigmas > 0) & np.isfinite(self.grid.sigmas)]
        if not sigma.size:
            # One step from pure noise to the data: every window is without noise there.
            return 0.0, 1.0
        low, high = float(np.log(sigma[-1])), float(np.log(sigma[0]))
        # A single step has one level: windows lie around it, of any width.
        return low, high if high > low else low + 1

    def _shaped(self, x: Array) -> tuple[Array, Array, Array]:
        """Height, centre and width of windows given by height and roots at both ends, shape (B, 3) (eq. 321)."""
        low, high = self._range
        height, first, last = x.T
        apart = np.where(last < first, -1, 1) * np.maximum(np.abs(last - first), (high - low) / WIDEST)
        width = (high - low) / apart
        with np.errstate(over="ignore"):
            return height, np.exp(low - first * width), np.abs(width)

    def _windows(self, x: Array) -> Array:
        """Etas of windows, shape (B, N)."""
        return self.window(*(part[:, None] for part in self._shaped(x)))

    @cached_property
    def _bumps(self) -> tuple[Array, Array]:
        """Windows of the first scan and their values by objective."""
        x = np.array([(h, -c / b, (1 - c) / b) for h, c, b in product(HEIGHTS, CENTRES, WIDTHS)])
        return x, self.errors.every(self._windows(x))

    def _window(self, objective: str) -> tuple[Array, dict[str, float]]:
        """The best bumps of a scan, and the best constant as a very wide one, followed by local searches."""
        bumps, every = self._bumps
        order = np.argsort(every[NOISE_OBJECTIVES.index(objective)], kind="stable")
        constant = float(self._best("constant", objective)[0][0])
        starts = [np.array([max(constant, 0.05), -0.05, 0.05]), *apart(bumps[order])]
        bounds = [(0.0, ETA_MAX), (-ENDS, ENDS), (-ENDS, ENDS)]
        best = self._followed(objective, starts, bounds, self._windows, around)
        height, centre, width = (float(part[0]) for part in self._shaped(best[None]))
        return self.window(height, centre, width), {"height": height, "centre": centre, "width": width}

    def _followed(
        self, objective: str, starts: list[Array], bounds: list[tuple[float, float]], design: EtaRule, probe: Probe
    ) -> Array:
        """The best end of local searches over a design's variables, followed anew from where a probe finds better.

        Kinks of the absolute values hold a search before its end. Values are logarithms: errors that cancel get small.
        """
        scale = max(float(self._constants[1][NOISE_OBJECTIVES.index(objective), 0]), 1e-300)
        low, high = np.array(bounds).T

        def values(x: Array) -> Array:
            return np.log(np.minimum(self.errors.many(objective, design(x)) / scale, WALL) + 1e-300)

        def search(x: Array, budget: int = BUDGET) -> Ending:
            found = minimize(lambda x: slope(values, x, low, high, STEP), x, bounds, budget, 1e-8, 1e-7)
            return found.value, found.x

        best = min(map(search, starts), key=lambda end: end[0])
        if len(starts) > 1:
            best = min(best, search(best[1], LONG), key=lambda end: end[0])
        for _ in range(ROUNDS):
            value, x = probe(values, *best, low, high)
            if not value < best[0] - GAIN:
                break
            best = min((value, x), search(x, LONG), key=lambda end: end[0])
        return best[1]

    def _per_step(self, objective: str) -> tuple[Array, dict[str, float]]:
        """Local searches over all etas from the poorer designs' best."""
        starts = [self._best(design, objective)[0] for design in ("constant", "window")]
        start = min(starts, key=lambda e: self.error(objective, e))
        if objective != "absolute" and self.steps <= LONGEST and self.errors.stacks:
            # Where errors cancel there are many local optima.
            found = StepEtas(self.errors, objective, ETA_MAX).best(starts)
            return min((start, found), key=lambda e: self.error(objective, e)), {}
        # 0 is a stationary point of every smooth objective: a search would stay there.
        bounds = [(0.0, ETA_MAX)] * self.steps
        starts = [np.clip(start, 1e-3, ETA_MAX)]
        if objective == "exact":
            starts += scattered(lambda x: self.errors.many("exact", x), starts[0], ETA_MAX)
        found = self._followed(objective, starts, bounds, np.asarray, one_by_one)
        return min((start, found), key=lambda e: self.error(objective, e)), {}


def _without_eta(solver: Solver) -> str:
    """Why a solver has no eta, and what to use."""
    if hasattr(solver, "s_churn"):
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
    solver = problem.solver
    if solver.eta_meaning is None:
        raise UnsupportedError(_without_eta(solver))
    names: list[str | None] = [solver.clock]
    if solver.uses_clock:
        # The time of `ve` is sigma: one clock under two names.
        every = [c for c in CLOCKS if c != "time" or (problem.process.continuous and problem.process.name != "ve")]
        names = list(clocks) if clocks else [solver.clock] if solver.clock else list(every)
    answers: list[NoiseDesign] = []
    asked = [("none", "exact")] * ("none" in designs) + [(d, o) for d in designs if d != "none" for o in objectives]
    for place, name in enumerate(names):
        study = NoiseStudy(replace(problem, solver=replace(solver, clock=name)), grid, error)
        try:
            finite = np.isfinite(study.error("exact", 0.0))
        except UnsupportedError:
            # Asked for all clocks, leave out those that cannot take this grid's last step.
            if clocks:
                raise
            continue
        if not finite:
            continue
        for done, (design, objective) in enumerate(asked, 1):
            answers.append(study.solve(design, objective))
            if progress is not None:
                progress(place * len(asked) + done, len(names) * len(asked))
    return answers


def present(
    problem: Problem, grid: Grid, error: ModelError | None = None, eta: float | None = None, clocks: Sequence[str] | None = None
) -> NoiseDesign | None:
    """The setting in force, the solver's own eta unless another is given, in the solver's own clock; None where not finite.

    The time of `ve` is sigma, and is called so unless `clocks` were named and call it time.
    """
    study = NoiseStudy(problem, grid, error)
    etas = problem.solver.etas(eta, grid.steps)
    try:
        errors = {name: study.error(name, etas) for name in NOISE_OBJECTIVES}
    except UnsupportedError:
        return None
    if not all(np.isfinite(value) for value in errors.values()):
        return None
    clock = problem.solver.clock_name(problem.process)
    clock = "sigma" if clock == "time" and problem.process.name == "ve" and "time" not in (clocks or ()) else clock
    return NoiseDesign(clock, "present", "none", etas, errors, {"eta": float(etas[0])})
