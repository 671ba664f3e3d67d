"""Names of solvers, schedules, processes and objectives to objects, each with its own options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffopt.documents.options import assigned, fields_of, made, named, pick
from diffopt.documents.settings import Settings
from diffopt.errors import InputError
from diffopt.foundation.tensors import described
from diffopt.objectives import OBJECTIVES, Objective
from diffopt.processes import PROCESSES, Flow, Process, TrainedLevels
from diffopt.schedules import SCHEDULES, Schedule
from diffopt.solvers import SOLVERS, Solver

#: What an object is that stands in the place of a name.
BASES = {"solver": Solver, "schedule": Schedule, "process": Process}
#: Process where none is named.
PROCESS = "ve"
#: What --shift says of a flow model.
MODEL = ("model_shift", "trained_levels")


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
        from diffopt.documents.scheduler_config import ConfigFile, configured

        config = settings.scheduler_config
        config = config if isinstance(config, ConfigFile) else ConfigFile(str(config))
        by_config = configured(config, None if settings.process is None else cls.name)
        if model and not isinstance(by_config, Flow):
            raise InputError(f"--shift is of flow models, and {settings.scheduler_config} is process {by_config.name!r}")
        shifted: Process = made(Flow, model, "process")
        return shifted if model else by_config
    if given and (cls is not TrainedLevels or thing is not None):
        raise InputError(f"{given[0]} needs --process table, got {cls.name!r}")
    if cls is TrainedLevels and thing is None:
        from diffopt.documents.noise_table import table_process

        table = settings.alphas_cumprod
        return table_process(str(table) if isinstance(table, Path) else table, settings.betas)
    process: Process = _built(found, options, "process")
    return process


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
