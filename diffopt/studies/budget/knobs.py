"""The numbers a budget depends on, and the setting they make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.objectives.problem import Problem
from diffopt.studies.budget.budget import Budget, BudgetSetting, budget
from diffopt.studies.budget.diffusion import Diffusion
from diffopt.studies.budget.flow import ExactFlow
from diffopt.studies.budget.grid_rule import GivenRule, ScheduledRule
from diffopt.studies.budget.langevin import Langevin
from diffopt.studies.budget.sampler import LinearSampler
from diffopt.studies.budget.training import ScoreTraining

#: What halving a source means: the number that is multiplied, and by how much.
HALVES = {"samples": 2.0, "tau": 0.5, "iterations": 2.0, "steps": 2.0, "langevin": 0.5, "sigma_min": 0.5}
#: Numbers that may be optimized.
FREE = ("sigma_min", "steps", "eta", "samples", "tau", "iterations", "langevin")
#: Noise ratio at which the exact flow starts where none is named, that of EDM.
FLOW_TOP = 80.0


@dataclass(frozen=True, eq=False)
class Knobs:
    """All numbers of a budget; a source that is None is exact.

    Attributes
    ----------
    problem : Problem or None
        Data, process, solver, range, ends and start of a diffusion sampler; None for the other samplers.
    make_grid : GivenRule, ScheduledRule or None
        Grid for a problem; a function of it, so that steps and range may move.
    spectrum : Spectrum
        Data.
    sigma_max, sigma_min : float or None
        Range of the exact flow and level of the Langevin chain.
    """

    spectrum: Spectrum
    problem: Problem | None = None
    make_grid: GivenRule | ScheduledRule | None = None
    eta: float | Array | None = None
    start: str = "exact"
    sigma_max: float | None = None
    sigma_min: float | None = None
    samples: float | None = None
    tau: float | None = None
    iterations: int | None = None
    precondition: bool = False
    langevin: float | None = None
    steps: int | None = None

    def sampler(self) -> LinearSampler:
        """Sampler with these numbers."""
        if self.langevin is not None:
            assert self.sigma_min is not None
            return Langevin(self.langevin, self.sigma_min, self.steps, self._first())
        if self.problem is None or self.make_grid is None:
            eta = 0.0 if self.eta is None else float(np.asarray(self.eta))
            top = FLOW_TOP if self.sigma_max is None else self.sigma_max
            return ExactFlow(top, self.sigma_min or 0.0, self.start, eta)  # type: ignore[arg-type]
        return Diffusion(self.problem.solver, self.make_grid.grid_for(self.problem), self.eta, self.problem.start)

    def _first(self) -> float | None:
        if self.start == "exact" or self.steps is None:
            return None
        assert self.sigma_max is not None
        return self.sigma_max**2 + (1.0 if self.start == "unit" else 0.0)

    def training(self) -> ScoreTraining | None:
        """Training with these numbers."""
        if self.tau is None:
            return None
        scale = self.spectrum.trace / self.spectrum.dim if self.precondition else None
        return ScoreTraining(self.tau, self.iterations, scale)

    def setting(self) -> BudgetSetting:
        """What is evaluated."""
        return BudgetSetting(self.spectrum, self.sampler(), self.samples, self.training())

    def evaluate(self) -> Budget:
        """Its budget."""
        return budget(self.setting())

    def value(self, name: str) -> float | None:
        """One of the numbers; None where it has no meaning."""
        if isinstance(self.make_grid, GivenRule) and self.fixed(name):
            return self.make_grid.value(name)
        if name in ("steps", "sigma_min") and self.problem is not None:
            return float(getattr(self.problem, name))
        found = getattr(self, name)
        return None if found is None else float(found)

    def fixed(self, name: str) -> bool:
        """Whether a number is part of a grid that was given."""
        return self.problem is not None and name in ("steps", "sigma_min") and self.given_grid

    @property
    def given_grid(self) -> bool:
        """Whether the grid does not follow from the problem."""
        return self.make_grid is not None and self.make_grid.given

    @property
    def schedule(self) -> str | None:
        """Name of the schedule of the grids; None where there is none."""
        return None if self.make_grid is None else self.make_grid.name

    def with_value(self, name: str, value: float) -> Knobs:
        """The same with another number.

        Raises
        ------
        InputError
            The number is part of a given grid, or not allowed.
        """
        number: Any = round(value) if name in ("steps", "iterations") else float(value)
        if name in ("steps", "sigma_min") and self.problem is not None:
            if self.given_grid:
                raise InputError(f"{name} belongs to the grid that was given; give --steps and --schedule instead to vary it")
            ask = self.problem
            sigma_min = float(value) if name == "sigma_min" else ask.sigma_min
            steps = int(number) if name == "steps" else ask.steps
            moved = Problem.create(ask.data, ask.process, ask.solver, steps, ask.sigma_max, sigma_min, ask.end, ask.start)
            return replace(self, problem=moved)
        return replace(self, **{name: number})


    def reshaped(self, name: str, factor: float) -> Knobs:
        """The same with more steps, or a smaller last noise, in the shape of the grid that was given."""
        assert isinstance(self.make_grid, GivenRule)
        eta = self.eta
        if name == "steps" and eta is not None and not isinstance(eta, int | float):
            each = np.asarray(eta)
            eta = each[np.arange(round(factor * each.size)) * each.size // round(factor * each.size)]
        return replace(self, make_grid=self.make_grid.moved(name, factor), eta=eta)


def halves(knobs: Knobs) -> dict[str, dict[str, Any]]:
    """Total and terms after each source's number alone is doubled or halved, by its source; None where it diverges."""
    found: dict[str, dict[str, Any]] = {}
    for name, factor in HALVES.items():
        value = knobs.value(name)
        if not value or (name == "steps" and knobs.langevin is not None and knobs.steps is None):
            continue
        if not np.isfinite(value * factor):
            continue
        try:
            moved = (knobs.reshaped(name, factor) if knobs.fixed(name) else knobs.with_value(name, value * factor)).evaluate()
            found[name] = {"value": value * factor, "total": moved.total, "terms": moved.terms}
        except InputError:
            continue
    return found
