"""Settings of a run under the names of the flags; the place where names become objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.documents.loss_curve import make_score_error
from diffopt.documents.model_shift import model_shift
from diffopt.documents.noise_table import table_process
from diffopt.documents.options import assigned, fields_of, made, named, option_list, pick
from diffopt.documents.scheduler_config import configured
from diffopt.documents.values import number, one
from diffopt.errors import InputError
from diffopt.foundation.names import check_name
from diffopt.foundation.tensors import described
from diffopt.law.start import STARTS
from diffopt.objectives import OBJECTIVES, Objective
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES, Flow, Process, TrainedLevels
from diffopt.processes.span import ENDS
from diffopt.schedules import SCHEDULES, Schedule
from diffopt.solvers import SOLVERS, Solver

#: Flags that are options of a solver or a process under a name of their own.
OPTION_FLAGS = ("s_churn", "s_tmin", "s_tmax", "s_noise", "beta_min", "beta_max")
#: What an object is that stands in the place of a name.
BASES = {"solver": Solver, "schedule": Schedule, "process": Process}
#: Process where none is named.
PROCESS = "ve"
#: What --shift says of a flow model.
MODEL = ("model_shift", "trained_levels")


@dataclass(frozen=True)
class Settings:
    """What is asked; None is the default of the process, solver or schedule it belongs to.

    Attributes
    ----------
    solver, process, schedule, objective : str or object
        Names, with options as in `karras:rho=5`, or objects; a process of None is PROCESS, or what a config says.
    steps : int
        Number of solver steps N.
    options : mapping
        Options of solver, schedule and process by the name of their field.
    sigma_max, sigma_min, t_max, t_min : float or None
        Range, as noise ratios or as times of the process.
    """

    solver: Any = "euler"
    steps: int = 10
    eta: Any = None
    clock: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    process: Any = None
    alphas_cumprod: Any = None
    betas: str | None = None
    scheduler_config: Any = None
    sigma_max: float | None = None
    sigma_min: float | None = None
    t_max: float | None = None
    t_min: float | None = None
    end: str = "zero"
    start: str = "exact"
    schedule: Any = None
    objective: Any = "robust"
    free: Any = "grid"
    score_error: Any = None

    @classmethod
    def create(cls, **given: Any) -> Settings:
        """Settings of those that are not None, each of its kind.

        Raises
        ------
        InputError
            A value of the wrong kind, named.
        """
        values = {k: v for k, v in given.items() if v is not None}
        options = option_list(values.pop("options", None))
        for name in OPTION_FLAGS:
            if name in values:
                if name in options:
                    raise InputError(f"{name} is given as a flag and as an option; give it once")
                options[name] = number(values.pop(name), name)
        if "shift" in values:
            options |= model_shift(values.pop("shift"))
        for name in ("sigma_max", "sigma_min", "t_max", "t_min"):
            if name in values:
                values[name] = number(values[name], name)
        if "steps" in values:
            values["steps"] = one(values["steps"], "steps")
        return cls(**values, options=options)

    def replace(self, **changes: Any) -> Settings:
        """Other values for some of them."""
        return Settings(**{f.name: changes.get(f.name, getattr(self, f.name)) for f in fields(self)})


@dataclass(frozen=True)
class Chosen:
    """Solver, schedule and process of some settings, each with its own options.

    Attributes
    ----------
    solver, schedule, process : object
        What was named or given.
    order : int or None
        The solver's order where it was asked for, not where it is the default.
    """

    solver: Solver
    schedule: Schedule | None
    process: Process
    order: int | None = None

    @classmethod
    def create(cls, settings: Settings, solver: Any = None, strict: bool = True) -> Chosen:
        """Names to objects.

        Parameters
        ----------
        settings : Settings
            What is asked.
        solver : str or Solver, optional
            Another solver than that of the settings (lists of solvers).
        strict : bool
            Refuse options and a clock that belong to nothing; False where several solvers share them.
        """
        named_solver = _class(settings.solver if solver is None else solver, SOLVERS, "solver")
        named_schedule = _class(settings.schedule, SCHEDULES, "schedule") if settings.schedule else (None, {}, None)
        named_process = _class(PROCESS if settings.process is None else settings.process, PROCESSES, "process")
        owners = {"solver": named_solver, "schedule": named_schedule, "process": named_process}
        options = dict(settings.options)
        # A config says the process, so an option beside it has no class to belong to yet.
        by_config = settings.scheduler_config is not None
        model = {k: options.pop(k) for k in MODEL if by_config and k in options}
        if not strict:
            every = [SOLVERS[n] for n in SOLVERS]
            options = {k: v for k, v in options.items() if _has(k, [c for c, _, _ in owners.values()]) or not _has(k, every)}
        shared = assigned(options, {name: found[0] for name, found in owners.items()})
        if settings.clock is not None and named_solver[0].uses_clock:
            shared["solver"].setdefault("clock", settings.clock)
        elif settings.clock is not None and strict:
            users = ", ".join(k for k, c in SOLVERS.items() if c.uses_clock)
            raise InputError(f"solver {named_solver[0].name!r} has no clock; --clock is for {users}")
        built: Solver = _built(named_solver, shared["solver"], "solver")
        return cls(
            built,
            _built(named_schedule, shared["schedule"], "schedule") if settings.schedule else None,
            _process(settings, named_process, shared["process"], model),
            getattr(built, "order", None) if "order" in {*named_solver[1], *shared["solver"]} else None,
        )

    def check_order(self, steps: int) -> None:
        """Refuse an order that was asked for and that no step of the run can have; a default one falls to the start-up's.

        Raises
        ------
        InputError
            Naming the solver, its order and the steps.
        """
        if self.order is not None and self.order > steps:
            raise InputError(
                f"solver {self.solver.name!r} of order {self.order} needs at least {self.order} steps, got {steps}; "
                f"use order={steps} or more steps"
            )


def _has(option: str, classes: Sequence[type | None]) -> bool:
    return any(c is not None and option in fields_of(c) for c in classes)


def _class(given: Any, table: Mapping[str, Any], what: str) -> tuple[Any, dict[str, Any], Any]:
    """Class, options of its name, and the object where one was given."""
    if isinstance(given, str):
        return (*named(given, table, what), None)
    if not isinstance(given, BASES[what]):
        raise InputError(f"{what} must be a name or an object that diffopt makes, got {described(given)}")
    return type(given), {}, given


def _built(found: tuple[Any, dict[str, Any], Any], options: dict[str, Any], what: str) -> Any:
    cls, own, thing = found
    if thing is not None:
        if options:
            raise InputError(f"{what} is an object, so {', '.join(options)} must be set on it")
        return thing
    twice = sorted(set(own) & set(options))
    if twice:
        raise InputError(f"option {twice[0]!r} is given in the {what}'s name and beside it; give it once")
    return made(cls, own | options, what)


def _process(
    settings: Settings, found: tuple[Any, dict[str, Any], Any], options: dict[str, Any], model: dict[str, Any]
) -> Process:
    cls, _, thing = found
    tables = {k: getattr(settings, k) for k in ("alphas_cumprod", "betas", "scheduler_config")}
    given = [f"--{k.replace('_', '-')}" for k, v in tables.items() if v is not None]
    if len(given) > 1:
        raise InputError(f"give one of {' and '.join(given)}")
    if settings.scheduler_config is not None and (thing is not None or not options):
        by_config = configured(str(settings.scheduler_config), None if settings.process is None else cls.name)
        if model and not isinstance(by_config, Flow):
            raise InputError(f"--shift is of flow models, and {settings.scheduler_config} is process {by_config.name!r}")
        shifted: Process = made(Flow, model, "process")
        return shifted if model else by_config
    if given and (cls is not TrainedLevels or thing is not None):
        raise InputError(f"{given[0]} needs --process table, got {cls.name!r}")
    if cls is TrainedLevels and thing is None:
        table = settings.alphas_cumprod
        return table_process(str(table) if isinstance(table, Path) else table, settings.betas)
    process: Process = _built(found, options, "process")
    return process


def make_problem(
    settings: Settings, data: Dataset, solver: Any = None, steps: int | None = None, strict: bool = True
) -> Problem:
    """Problem of the settings; `solver` and `steps` instead of theirs where lists are gone through."""
    chosen = Chosen.create(settings, solver, strict)
    count = settings.steps if steps is None else steps
    chosen.check_order(count)
    process = chosen.process
    high = _sigma(settings.sigma_max, settings.t_max, process, "max")
    low = _sigma(settings.sigma_min, settings.t_min, process, "min")
    for name, value, known in (("end", settings.end, ENDS), ("start", settings.start, STARTS)):
        check_name(value, known, name)
    return Problem.create(
        data, process, with_error(chosen.solver, settings, data), count, high, low,
        settings.end, settings.start,  # type: ignore[arg-type]
    )  # fmt: skip


def with_error(solver: Solver, settings: Settings, data: Dataset) -> Solver:
    """The solver with the score error of the settings."""
    if settings.score_error is None:
        return solver
    return replace(solver, error=make_score_error(settings.score_error, data.spectrum))


def _sigma(sigma: float | None, time: float | None, process: Process, side: str) -> float | None:
    """Noise ratio given as --sigma-max/min or as --t-max/min."""
    if time is None:
        return sigma
    if sigma is not None:
        raise InputError(f"give --sigma-{side} or --t-{side}, not both")
    if process.time_is_sigma:
        return time
    upper = process.log_sigma.size - 1 if isinstance(process, TrainedLevels) else 1.0
    if not 0 <= time <= upper:
        raise InputError(f"t-{side} must lie in [0, {upper:g}] for process {process.name!r}, got {time:g}")
    if time == process.start_time():
        return float("inf")
    return float(process.sigma(np.array([time]))[0])


def make_objective(given: Any) -> Objective:
    """Objective by name, or as given."""
    if isinstance(given, Objective):
        return given
    objective: Objective = pick(given, OBJECTIVES, "objective")()
    return objective


def schedule_of(settings: Settings) -> Schedule:
    """The settings' schedule with its share of the options."""
    found = _class(settings.schedule, SCHEDULES, "schedule")
    schedule: Schedule = _built(found, {k: v for k, v in settings.options.items() if k in fields_of(found[0])}, "schedule")
    return schedule


def make_schedule(given: Any) -> Schedule:
    """Schedule by name, with its options, or as given."""
    found = _class(given, SCHEDULES, "schedule")
    schedule: Schedule = _built(found, {}, "schedule")
    return schedule
