"""Grids that are given: lists of noise ratios or times, files, and results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.documents.chosen import Chosen
from diffopt.documents.given_file import GivenFile
from diffopt.documents.grid_document import GridDocument
from diffopt.documents.grid_file import (
    check_flow,
    check_order,
    clipped,
    grid_document,
    grid_of,
    is_list,
    names_file,
    parse_sigmas,
    read_grid_file,
)
from diffopt.documents.options import fields_of
from diffopt.documents.question import with_error
from diffopt.documents.settings import Settings
from diffopt.errors import InputError
from diffopt.foundation.shown import text
from diffopt.foundation.tensors import numbers_of
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES, Process
from diffopt.processes.grid import range_bottom
from diffopt.processes.points import Points
from diffopt.solvers import Solver

#: Settings of which a process makes its table of noise levels.
TABLES = ("betas", "alphas_cumprod", "scheduler_config")
#: Flags that a given grid answers itself.
ANSWERED = ("steps", "sigma_max", "sigma_min", "t_max", "t_min", "end")


@dataclass(frozen=True, eq=False)
class GivenGrid:
    """Noise ratios or times as they were given, with everything that was read with them.

    Attributes
    ----------
    values : list of float
        As they stand there.
    in_time : bool
        Whether they are times.
    document : GridDocument or None
        What is understood of the document they stand in.
    label : str
        Name for messages.
    content : mapping
        That document as it is, for what else it says; empty of a bare list.
    data : Dataset or None
        The data that a result holds.
    """

    values: list[float]
    in_time: bool = False
    document: GridDocument | None = None
    label: str = "the grid"
    content: Mapping[str, Any] = field(default_factory=dict)
    data: Dataset | None = None

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.values) - 1

    def fill(self, settings: Settings, given: set[str]) -> Settings:
        """Settings with what the file says wherever nobody said otherwise."""
        if self.document is None:
            return settings
        said = file_settings(self.document)
        if {"process", "scheduler_config"} & given:
            said = {k: v for k, v in said.items() if k not in ("process", *TABLES)}
            said["process_options"] = {}
        if "solver" in given:
            said.pop("clock", None)
            said["solver_options"] = {}
        options = {**said.pop("process_options"), **said.pop("solver_options"), **settings.options}
        return settings.replace(**{k: v for k, v in said.items() if v is not None and k not in given}, options=options)

    def sigmas(self, process: Process, end: str) -> list[float]:
        """Noise ratios (theory.md, eq. 1)."""
        if self.in_time:
            return clipped(times_to_sigmas(self.values, process, end), process, self.label)
        if self.document is None or self.document.process is None:
            check_flow(self.values, process, self.label)
        return clipped(self.values, process, self.label)


def file_settings(document: GridDocument) -> dict[str, Any]:
    """What a schedule file says, under the names of the settings."""
    said: dict[str, Any] = {k: getattr(document, k) for k in ("solver", "clock", "start")}
    process = document.process_values()
    said |= {"process": process.pop("name", None), **{name: process.pop(name, None) for name in TABLES}}
    known = fields_of(PROCESSES[said["process"]]) if said["process"] in PROCESSES else process
    # What else stands there describes the process and makes nothing of it.
    said["process_options"] = {k: v for k, v in process.items() if k in known and k not in ("sigma_max", "sigma_min")}
    return said | {"solver_options": document.solver_options}


def given_grid(grid: Any, sigmas: Any = None, times: Any = None) -> GivenGrid | None:
    """The one grid among a file or result, a list of noise ratios and a list of times; None without any.

    A file is read and parsed here and nowhere else: what is read is in the grid, which goes through as it is.

    Raises
    ------
    InputError
        Several, or what is no grid.
    """
    if sum(thing is not None for thing in (grid, sigmas, times)) > 1:
        raise InputError("give one grid: a file, a list of sigmas or a list of times")
    if sigmas is not None:
        return _listed(sigmas, "--sigmas", False)
    if times is not None:
        return _listed(times, "--times", True)
    if grid is None:
        return None
    if isinstance(grid, GivenGrid):
        return grid
    if isinstance(grid, str | Path | GivenFile):
        return _in_file(grid if isinstance(grid, GivenFile) else GivenFile(str(grid), "schedule"))
    document, own = getattr(grid, "document", grid), getattr(grid, "data", None)
    if isinstance(document, Mapping):
        return _in_document(document, own if isinstance(own, Dataset) else None)
    return GivenGrid(_numbers(grid, "grid"))


def any_grid(grid: Any) -> GivenGrid | None:
    """As :func:`given_grid`; a text may also be a list of noise ratios."""
    return given_grid(None, grid) if isinstance(grid, str) and is_list(grid) else given_grid(grid)


def _in_file(file: GivenFile) -> GivenGrid:
    read = grid_of(file.content, file.name)
    content = file.content if isinstance(file.content, dict) else {}
    return GivenGrid(read.sigmas, read.in_time, read.document, text(file.name), content)


def _listed(values: Any, name: str, in_time: bool) -> GivenGrid:
    """Numbers, or those of a file: one that says by a name whether they are noise ratios or times is believed."""
    if not (isinstance(values, str) and names_file(values)):
        return GivenGrid(_numbers(values, name), in_time, label=name)
    file = read_grid_file(values)
    return GivenGrid(file.sigmas, file.in_time if file.named else in_time, label=text(values))


def _in_document(content: Mapping[str, Any], data: Dataset | None) -> GivenGrid:
    label = "the result"
    document = grid_document(dict(content), label)
    values = [math.inf if s is None else s for s in document.sigmas]
    check_order(values, label)
    return GivenGrid(values, document=document, label=label, content=content, data=data)


def _numbers(values: Any, name: str) -> list[float]:
    if isinstance(values, str):
        return parse_sigmas(values, name)
    array = numbers_of(values, name.lstrip("-"), "a list of numbers")
    if array.ndim != 1 or array.size < 2:
        raise InputError(f"{name.lstrip('-')} must be a list of at least 2 numbers, got shape {array.shape}")
    listed = [float(v) for v in array]
    check_order(listed, name.lstrip("-"))
    return listed


def times_to_sigmas(times: list[float], process: Process, end: str) -> list[float]:
    """Noise ratios of a process's own times: pure noise at its start time, and 0 at a last time of 0 where `end` is zero."""
    sigmas = []
    for time in times:
        if process.time_is_sigma:
            sigmas.append(time)
        elif time == process.start_time():
            sigmas.append(math.inf)
        elif not math.isfinite(time) or time < 0 or (process.continuous and time > 1):
            raise InputError(f"time {time:g} is outside of process {process.name!r}; its times run from 1 (or T - 1) to 0")
        else:
            with np.errstate(all="ignore"):
                sigmas.append(float(process.sigma(np.array([time]))[0]))
    if times[-1] == 0 and end == "zero":
        sigmas[-1] = 0.0
    return sigmas


def check_answered(grid: GivenGrid, flags: Mapping[str, Any]) -> None:
    """Refuse flags that a given grid answers itself.

    Raises
    ------
    InputError
        A number of steps or an end of the range beside the grid.
    """
    for name in ANSWERED:
        value = flags.get(name)
        if value is None or (name == "steps" and str(value) == str(grid.steps)):
            continue
        flag = "--" + name.replace("_", "-")
        if name == "end":
            if value == ("zero" if grid.values[-1] == 0 else "sigma_min"):
                continue
            raise InputError(f"{flag} {value} has no effect: {grid.label} ends at {grid.values[-1]:g}")
        has = f"has {grid.steps} steps" if name == "steps" else f"runs from {grid.values[0]:g} to {grid.values[-1]:g}"
        raise InputError(f"{flag} {value} has no effect: {grid.label} {has}; leave it out")


def grid_problem(grid: GivenGrid, settings: Settings, data: Dataset) -> tuple[Problem, list[float]]:
    """Problem over the range of a given grid, and its noise ratios."""
    chosen = Chosen.create(settings)
    sigmas = grid.sigmas(chosen.process, settings.end)
    if grid.document is None:
        chosen.check_order(len(sigmas) - 1)
    low = range_bottom(chosen.process, sigmas)
    solver = with_coefficients(chosen, grid, sigmas)
    said = grid.document.process_values().get("sigma_min") if grid.document is not None else None
    if isinstance(said, int | float) and not isinstance(said, bool) and process_knows(chosen.process, said, low):
        low = float(said)
    end = "zero" if sigmas[-1] == 0 else "sigma_min"
    problem = Problem.create(
        data, chosen.process, with_error(solver, settings, data), len(sigmas) - 1, sigmas[0], low,
        end,  # type: ignore[arg-type]
        settings.start,  # type: ignore[arg-type]
    )  # fmt: skip
    return problem, sigmas


def with_coefficients(chosen: Chosen, grid: GivenGrid, sigmas: Sequence[float]) -> Solver:
    """The solver with the coefficients of the file that names it, where it has such.

    Raises
    ------
    InputError
        Coefficients of another grid.
    """
    solver, document = chosen.solver, grid.document
    if document is None or document.coefficients is None or document.solver != solver.name:
        return solver
    from diffopt.solvers.methods.fitted import Fitted

    if not isinstance(solver, Fitted):
        return solver
    solver = replace(solver, coefficients=tuple(tuple(row) for row in document.coefficients))
    if gap := solver.mismatch(Points.create(chosen.process, np.array(sigmas))):
        raise InputError(f"{grid.label}: {gap}")
    return solver


def process_knows(process: Process, sigma_min: float, low: float) -> bool:
    """Whether a file's own lower end holds for a grid whose last positive level is `low`."""
    return process.sigma_limits[1] * (1 - 1e-9) <= sigma_min <= low * (1 + 1e-9)
