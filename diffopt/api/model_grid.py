"""The grid that a model runs by itself, beside the others; and what is said where its shift is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diffopt.documents.model_shift import MODELS
from diffopt.errors import DiffoptError
from diffopt.objectives.problem import Problem
from diffopt.processes import Flow
from diffopt.processes.grid import Grid
from diffopt.schedules import SCHEDULES
from diffopt.studies.comparison.row import OWN

if TYPE_CHECKING:
    from diffopt.hosts.base import Host
    from diffopt.hosts.diffusers.own_grid import OwnGrid
    from diffopt.studies.recommend import Habit

#: What leads the drop-downs of ComfyUI (SAMPLER_NAMES and SCHEDULER_HANDLERS of comfy/samplers.py).
FIRST = ("euler", "simple")


def own_schedule(problem: Problem, flags: Mapping[str, Any]) -> dict[str, OwnGrid]:
    """The model's own grid by the name of its row; empty where no configuration says one."""
    process = problem.process
    if flags.get("scheduler_config") is None or not isinstance(process, Flow):
        return {}
    # A command without a configuration need not wait for them.
    from diffopt.api.hosting import config_of
    from diffopt.hosts.diffusers.config import read_config
    from diffopt.hosts.diffusers.own_grid import own_grid

    found = own_grid(read_config(config_of(flags["scheduler_config"])), process)
    return {} if found is None else {OWN: found}


def own_grids(problem: Problem, flags: Mapping[str, Any]) -> dict[str, Grid]:
    """The same as a grid of the problem's steps, where it fills its range."""
    try:
        return {name: schedule.grid(problem.span) for name, schedule in own_schedule(problem, flags).items()}
    except DiffoptError:
        return {}


def model_notes(problem: Problem, flags: Mapping[str, Any]) -> list[str]:
    """What the row of the model's own grid is, and the shift of other rows where nobody said one."""
    process = problem.process
    if not isinstance(process, Flow):
        return []
    said = [f"note: row {name} is the model's own grid: {grid.said}" for name, grid in own_schedule(problem, flags).items()]
    if process.listed:
        return said
    sd3, flux = MODELS["sd3"], MODELS["flux"]
    return [
        *said, "note: no shift is said, so programs' own schedules (simple, normal, beta, sgm_uniform, ...) stand here at "
        f"shift 1, as hardly a model runs them; add --shift {sd3} for SD3, --shift {flux} for Flux (a factor of 3.158), or "
        "--scheduler-config FILE",
    ]  # fmt: skip


def flow_habit(problem: Problem, flags: Mapping[str, Any], host: Host | None) -> Habit | None:
    """What a flow model's pipeline runs by itself, else `euler` on `simple` at its shift; None where the shift is not known.

    `host` is the program that is meant: only a habit that it has by name.
    """
    # Most commands read this file and recommend nothing.
    from diffopt.studies.recommend import Habit

    if host is None or host.name == "diffusers":
        for grid in own_schedule(problem, flags).values():
            return Habit("unipc" if grid.rule == "unipc" else FIRST[0], grid, whole=True)
    from diffopt.hosts.offered import offering

    known = isinstance(problem.process, Flow) and problem.process.listed
    there = host is None or host.name in offering(FIRST[1], flow=True)
    return Habit(FIRST[0], SCHEDULES[FIRST[1]](), whole=True) if known and there else None


def habit_notes(problem: Problem, flags: Mapping[str, Any], habit: Habit | None, shown: bool) -> list[str]:
    """Which row stands for what a flow pipeline runs now, and why none does where none does."""
    if not isinstance(problem.process, Flow):
        return []
    own, asked = own_schedule(problem, flags), flags.get("scheduler_config") is None
    file = "--scheduler-config FILE"
    if habit is None:
        missing = file if problem.process.listed else f"--shift ({', '.join(MODELS)} or a number) or {file}"
        what = "note: no row is what a flow pipeline runs now, which depends on the model"
        return [f"{what}; add {missing}" if asked else what]
    if not shown:
        return ["note: no row is what flow pipelines run now, from pure noise to 0; leave --sigma-max and --end out for it"]
    row = f"note: row {habit.solver}, {habit.schedule.name}"
    if habit.schedule.name in own:
        return [f"{row}, is what the model's pipeline runs by itself: {own[habit.schedule.name].said}"]
    more = f"; {file} adds what the model's own pipeline runs" if asked else ""
    return [f"{row}, leads ComfyUI's lists, here at shift {problem.process.model_shift:.4g}{more}"]
