"""How much noise a sampler should inject: the best eta, by design, objective and clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.law.local_errors import LocalDefects
from diffopt.objectives.frechet import Discretization
from diffopt.objectives.problem import Problem
from diffopt.processes.clocks import CLOCKS
from diffopt.processes.grid import Grid
from diffopt.solvers import run_table
from diffopt.solvers.model_error import ModelError

#: Called with (answers found, answers at most).
Progress = Callable[[int, int], None]
#: Largest eta that is tried, and points of the first scan.
ETA_MAX, SCAN = 3.0, 49
#: Places at which every eta of a step is tried, and near the one it has; rounds of that at most, and the relative gain
#: that is worth another.
PLACES, ROUNDS, GAIN = np.linspace(0, ETA_MAX, 13), 16, 1e-6
FACTORS = np.array([0.8, 0.95, 0.99, 0.998, 1.002, 1.01, 1.05, 1.25])
DESIGNS = ("none", "constant", "window", "per_step")
OBJECTIVES = ("exact", "signed", "absolute")


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
    """Errors of one problem and grid as functions of eta (theory.md, eq. 77).

    `exact`: Frechet distance of the real output law to the marginal where the grid ends; `signed`: its leading
    order (errors of steps may cancel); `absolute`: the same with every local error in absolute value.
    """

    def __init__(self, problem: Problem, grid: Grid, error: ModelError | None = None) -> None:
        solver = problem.solver if error is None else replace(problem.solver, error=error)
        self.problem, self.grid, self.solver = problem.compressed(), grid, solver
        self.steps = grid.steps
        self._known: dict[tuple[str, str], tuple[Array, dict[str, float]]] = {}

    def _best(self, design: str, objective: str) -> tuple[Array, dict[str, float]]:
        """Answer of a design, remembered: the richer designs start from the poorer."""
        if (design, objective) not in self._known:
            self._known[design, objective] = getattr(self, f"_{design}")(objective)
        return self._known[design, objective]

    def error(self, objective: str, eta: Array | float) -> float:
        """Value of an objective; infinite where the scheme blows up."""
        with np.errstate(all="ignore"):
            table = run_table(self.solver, self.grid, eta)
            spectrum, start = self.problem.spectrum, self.problem.start
            if objective == "exact":
                value = Discretization().value(table, spectrum, start)
            else:
                value = LocalDefects(table, spectrum, start).frechet(objective == "absolute")
        return value if np.isfinite(value) else float("inf")

    def solve(self, design: str, objective: str) -> NoiseDesign:
        """Best eta of a design for an objective."""
        eta, parameters = self._best(design, objective)
        errors = {name: self.error(name, eta) for name in OBJECTIVES}
        clock = self.solver.clock_name(self.problem.process)
        return NoiseDesign(clock, design, objective, eta, errors, parameters)

    def _none(self, objective: str) -> tuple[Array, dict[str, float]]:
        del objective
        return np.zeros(self.steps), {}

    def _constant(self, objective: str) -> tuple[Array, dict[str, float]]:
        etas = np.linspace(0, ETA_MAX, SCAN)
        values = [self.error(objective, e) for e in etas]
        best = int(np.argmin(values))
        low, high = etas[max(best - 1, 0)], etas[min(best + 1, SCAN - 1)]
        found = optimize.minimize_scalar(
            lambda e: self.error(objective, float(e)), bounds=(low, high), method="bounded", options={"xatol": 1e-4}
        )
        value = float(found.x) if found.fun < values[best] else float(etas[best])
        return np.full(self.steps, value), {"eta": value}

    def window(self, height: float, centre: float, width: float) -> Array:
        """eta(sigma) = height exp(-(log(sigma/centre)/width)^2/2) at the start of every step (eq. 78)."""
        sigma = self.grid.sigmas[:-1]
        with np.errstate(divide="ignore"):
            place = np.where(np.isfinite(sigma), np.log(np.where(np.isfinite(sigma), sigma, 1) / centre), np.inf)
        return np.asarray(height * np.exp(-0.5 * (place / width) ** 2))

    def _window(self, objective: str) -> tuple[Array, dict[str, float]]:
        constant = float(self._best("constant", objective)[0][0])
        sigma = self.grid.sigmas[(self.grid.sigmas > 0) & np.isfinite(self.grid.sigmas)]
        low, high = np.log(sigma[-1]), np.log(sigma[0])

        def value(x: Array) -> float:
            height = float(np.clip(x[0], 0, ETA_MAX))
            return self.error(objective, self.window(height, np.exp(x[1]), float(np.exp(np.clip(x[2], -2, 5)))))

        starts = [np.array([max(constant, 0.05), (low + high) / 2, 5.0])]
        starts += [
            np.array([max(constant, 0.3), low + s * (high - low), np.log((high - low) / 6)]) for s in (0.2, 0.5, 0.8)
        ]
        runs = [
            optimize.minimize(value, s, method="Nelder-Mead", options={"maxiter": 200, "fatol": 1e-9}) for s in starts
        ]
        best = min(runs, key=lambda run: float(run.fun))
        height, width = float(np.clip(best.x[0], 0, ETA_MAX)), float(np.exp(np.clip(best.x[2], -2, 5)))
        centre = float(np.exp(best.x[1]))
        return self.window(height, centre, width), {"height": height, "centre": centre, "width": width}

    def _per_step(self, objective: str) -> tuple[Array, dict[str, float]]:
        starts = [self._best(design, objective)[0] for design in ("constant", "window")]
        best = min(starts, key=lambda e: self.error(objective, e))
        best = self._descended(objective, best)
        for _ in range(ROUNDS):
            moved = self._scanned(objective, best)
            if not self.error(objective, moved) < self.error(objective, best) * (1 - GAIN):
                break
            best = moved
        return best, {}

    def _descended(self, objective: str, start: Array) -> Array:
        """A local search over all etas; never worse than its start."""
        scale = max(self.error(objective, 0.0), 1e-300)
        run = optimize.minimize(
            lambda e: self.error(objective, np.clip(e, 0, ETA_MAX)) / scale,
            np.clip(start, 1e-3, ETA_MAX),
            method="L-BFGS-B",
            bounds=[(0, ETA_MAX)] * self.steps,
            options={"maxiter": 100},
        )
        return min((np.clip(run.x, 0, ETA_MAX), start), key=lambda e: self.error(objective, e))

    def _scanned(self, objective: str, eta: Array) -> Array:
        """Each eta in turn at the best of a few places: local searches stall at kinks and at flat bounds."""
        for k in range(self.steps):
            near = np.clip(eta[k] * FACTORS, 0, ETA_MAX)
            tried = [np.where(np.arange(self.steps) == k, place, eta) for place in (*PLACES, *near)]
            eta = min((eta, *tried), key=lambda e: self.error(objective, e))
        return eta


def noise_study(
    problem: Problem,
    grid: Grid,
    error: ModelError | None = None,
    designs: tuple[str, ...] = DESIGNS,
    objectives: tuple[str, ...] = OBJECTIVES,
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
        raise UnsupportedError(f"solver {solver.name!r} injects no noise; use euler_maruyama, ddim or sra1")
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


def present(problem: Problem, grid: Grid, error: ModelError | None = None, eta: float | None = None) -> NoiseDesign | None:
    """The setting in force, the solver's own eta unless another is given, in the solver's own clock; None where not finite."""
    study = NoiseStudy(problem, grid, error)
    etas = problem.solver.etas(eta, grid.steps)
    try:
        errors = {name: study.error(name, etas) for name in OBJECTIVES}
    except UnsupportedError:
        return None
    if not all(np.isfinite(value) for value in errors.values()):
        return None
    return NoiseDesign(problem.solver.clock_name(problem.process), "present", "none", etas, errors, {"eta": float(etas[0])})
