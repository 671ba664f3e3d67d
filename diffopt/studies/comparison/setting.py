"""What is compared: data, process, solvers, budgets, rows; and what a budget buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.names import check_name
from diffopt.law.start import Start
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.metrics import COMPARED
from diffopt.objectives.problem import Problem
from diffopt.processes import Process
from diffopt.processes.span import End
from diffopt.schedules import SCHEDULES, Schedule
from diffopt.solvers import Solver
from diffopt.solvers.designs import DESIGNS
from diffopt.solvers.model_error import ModelError
from diffopt.studies.calls import steps_for


@dataclass(frozen=True, eq=False)
class Setting:
    """What is compared.

    Attributes
    ----------
    data, process, sigma_max, sigma_min, end, start
        As in :class:`diffopt.objectives.problem.Problem`; None takes the process's default.
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
    named : mapping
        Schedules with options, by the names of their rows.
    error : ModelError or None
        What every solver's model is off by; `solvers` have it already.
    """

    data: Dataset | Spectrum
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
    named: Mapping[str, Schedule] = field(default_factory=dict)
    error: ModelError | None = None

    @property
    def spectrum(self) -> Spectrum:
        """Spectrum of all data."""
        return Dataset.of(self.data).spectrum

    @property
    def facts(self) -> Mapping[str, Any]:
        """What an estimate says of itself."""
        return Dataset.of(self.data).facts

    def problem(self, solver: Solver, steps: int) -> Problem:
        """The problem of one solver and step count."""
        return Problem.create(
            self.data, self.process, solver, steps, self.sigma_max, self.sigma_min, self.end, self.start
        )

    def wrong(self, solver: Solver) -> Solver:
        """A solver with the model's error."""
        return replace(solver, error=self.error) if self.error is not None else solver

    def check(self) -> None:
        """Refuse unknown names, empty lists and budgets below 1.

        Raises
        ------
        InputError
            Naming the value.
        """
        if not self.solvers or not self.budgets:
            raise InputError("nothing to compare: name at least one solver and one number of steps")
        if min(self.budgets) < 1:
            raise InputError(f"a budget must be at least 1, got {min(self.budgets)}")
        check_name(self.objective, [name for name in COMPARED if name in OBJECTIVES], "objective")
        for names, known in ((self.schedules, SCHEDULES), (self.designs, DESIGNS)):
            for name in names:
                if name not in known:
                    raise InputError(f"schedule {name!r} is unknown; see `diffopt list schedules`")


def calls_of(setting: Setting, solver: Solver, steps: int) -> int:
    """Denoiser calls of a run of `steps` steps over the setting's range."""
    return solver.calls(steps, setting.end == "zero")


def steps_within(setting: Setting, solver: Solver, budget: int) -> int | None:
    """Largest number of steps whose denoiser calls stay within the budget; None where one is too many."""
    steps = steps_for(solver, budget, setting.end == "zero")
    return steps if steps >= solver.least_steps else None


def steps_of(levels: Array) -> int:
    """Number of steps of a listed grid."""
    return int(np.size(levels)) - 1
