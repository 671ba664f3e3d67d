"""Where the grid of a budget comes from: a grid that was given, or a schedule that follows its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.processes.grid_shapes import refined, stretched
from diffopt.schedules import Schedule


@dataclass(frozen=True, eq=False)
class GivenRule:
    """The same grid for every problem; steps and smallest noise are part of it."""

    grid: Grid
    given: ClassVar[bool] = True
    name: ClassVar[str | None] = None

    def grid_for(self, problem: Problem) -> Grid:
        """The grid."""
        del problem
        return self.grid

    def value(self, name: str) -> float:
        """Its `steps` or `sigma_min`."""
        return float(self.grid.steps if name == "steps" else self.grid.sigmas[self.grid.sigmas > 0][-1])

    def moved(self, name: str, factor: float) -> GivenRule:
        """So many times the steps, or the smallest noise, of the same shape (theory.md, eqs. 442, 443)."""
        sigmas = stretched(self.grid.sigmas, factor) if name == "sigma_min" else refined(self.grid.sigmas, factor)
        return GivenRule(Grid.create(self.grid.process, sigmas))


@dataclass(frozen=True, eq=False)
class ScheduledRule:
    """The grid of a named schedule."""

    schedule: Schedule
    given: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Of the schedule."""
        return self.schedule.name

    def grid_for(self, problem: Problem) -> Grid:
        """The schedule's levels in the range of a problem."""
        return self.schedule.grid(problem.compressed().span)
