"""The grid that a model runs by itself, beside the others; and what is said where its shift is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diffopt.documents.model_shift import MODELS
from diffopt.errors import DiffoptError
from diffopt.objectives.problem import Problem
from diffopt.processes import Flow
from diffopt.processes.grid import Grid
from diffopt.studies.comparison.row import OWN

if TYPE_CHECKING:
    from diffopt.hosts.diffusers.own_grid import OwnGrid


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
