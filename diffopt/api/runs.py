"""Which samplers a simulation runs: named schedules, the optimum, and grids that are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.api.compare import added
from diffopt.api.grids import GivenGrid, any_grid, grid_problem
from diffopt.api.notes import mismatch_notes, raw_notes
from diffopt.api.targets import NamedTarget
from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.documents.chosen import make_objective, make_schedule
from diffopt.documents.grid_file import is_list
from diffopt.documents.options import named_list
from diffopt.documents.question import make_problem, settled
from diffopt.documents.settings import Settings
from diffopt.documents.values import many, words
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.notes import note
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.schedules import HABIT, SCHEDULES
from diffopt.search.descent import optimize
from diffopt.solvers import run_table
from diffopt.solvers.table import Table

#: Name of the grid that is optimized on the target's own covariance spectrum.
OPTIMIZED = "optimized"


@dataclass(frozen=True, eq=False)
class Planned:
    """One grid with one solver."""

    name: str
    problem: Problem
    sigmas: Array
    eta: Array


def plan(given: NamedTarget, settings: Settings, flags: Mapping[str, Any], grids: Any, solver: Any, steps: Any) -> list[Planned]:
    """Runs in the order of the table: schedules by solver and steps, then grids that were given.

    Raises
    ------
    InputError
        An unknown name, a grid that does not fit, or a spectral schedule without a spectrum.
    """
    data = given.data or Dataset.of(Spectrum.create([1.0], [float(given.target.dim)], source="no spectrum"))
    listed = list(_listed(grids))
    names = [] if settings.schedule is None else named_list(settings.schedule)
    if not names and not listed:
        usual = reference_name(make_problem(settings.replace(schedule=None, solver="euler"), data, strict=False))
        names = [usual, *([OPTIMIZED] if given.data is not None else [])]
    if flags.get("objective") is not None and OPTIMIZED not in names:
        raise InputError(f"--objective has no effect: no grid is optimized; add {OPTIMIZED} to --schedule, or leave it out")
    solvers = words(solver) if isinstance(solver, str | list | tuple) else [solver]
    if solver is not None and not solvers:
        raise InputError(f"--solver {solver!r} names no solver; use a name from `diffopt list solvers`, or leave it out")
    found = []
    for name in solvers if solver is not None else ["euler"]:
        for n in many(10 if steps is None else steps, "steps"):
            problem = make_problem(settings.replace(schedule=None), data, name, n, strict=len(solvers) == 1)
            settings = settled(settings, problem)
            if names:
                _say_scale(given, problem)
            found += [_scheduled(text, problem, settings, given) for text in names]
    for label, grid in listed:
        read = any_grid(grid)
        assert read is not None
        for name in solvers if solver is not None else [None]:
            found.append(_from_grid(label, read, settings, flags, name, data))
            _say_scale(given, found[-1].problem, listed=True)
    tops = {run.problem.sigma_max for run in found}
    if len(tops) > 1:
        note("note: grids start at different noise ratios; all are compared with one reference, from the same noise")
    return found


def _say_scale(given: NamedTarget, problem: Problem, listed: bool = False) -> None:
    """Note where the range does not fit a target whose spectrum is known."""
    if given.data is not None:
        for line in raw_notes(problem, given.mean, listed):
            note(line)


def _listed(grids: Any) -> Iterable[tuple[str, Any]]:
    if grids is None:
        return
    several = isinstance(grids, list | tuple) and not isinstance(grids[0] if grids else 0.0, int | float)
    for i, grid in enumerate(grids if several else [grids], 1):
        if isinstance(grid, str | Path) and not is_list(str(grid)):
            yield ("-" if str(grid) == "-" else Path(grid).stem), grid
        else:
            yield next(iter(added({f"grid_{i}": grid}))), grid


def _scheduled(text: Any, problem: Problem, settings: Settings, given: NamedTarget) -> Planned:
    eta = problem.solver.etas(settings.eta, problem.steps)
    if text == OPTIMIZED:
        _need_spectrum(given, text)
        result = optimize(problem, make_objective(settings.objective), eta=settings.eta)
        return Planned(text, replace(problem, solver=result.solver), result.grid.sigmas, eta)
    rule = make_schedule(text)
    if SCHEDULES.module(rule.name).startswith("spectral"):
        _need_spectrum(given, str(text))
    return Planned(str(text), problem, rule.grid(problem.compressed().span).sigmas, eta)


def _need_spectrum(given: NamedTarget, name: str) -> None:
    if given.data is None:
        raise InputError(f"schedule {name!r} reads a spectrum, and a denoiser alone has none; give --samples FILE beside it")


def _from_grid(
    label: str, listed: GivenGrid, settings: Settings, flags: Mapping[str, Any], solver: Any, data: Dataset
) -> Planned:
    said = {name for name, value in {**flags, "solver": solver}.items() if value is not None}
    filled = listed.fill(settings.replace(solver=solver) if solver is not None else settings, said)
    problem, sigmas = grid_problem(listed, filled.replace(schedule=None), data)
    for line in mismatch_notes(listed, problem, said, data=False):
        note(line)
    eta, document = settings.eta, listed.document
    if eta is None and document is not None and document.solver in (None, problem.solver.name):
        eta = document.eta if problem.solver.eta_meaning is not None else None
    made = Grid.create(problem.process, sigmas)
    return Planned(label, problem, made.sigmas, problem.solver.etas(eta, made.steps))


def named_runs(planned: Planned) -> Table:
    """Table of a planned run; a score error is the denoiser's there, not the table's."""
    solver = replace(planned.problem.solver, error=None)
    return run_table(solver, Grid.create(planned.problem.process, planned.sigmas), planned.eta)


def reference_name(problem: Problem) -> str:
    """Schedule of the fine run: `karras` where the range allows it."""
    return HABIT if np.isfinite(problem.sigma_max) and problem.sigma_min > 0 else "uniform_t"


def reference_grid(problem: Problem, steps: int) -> Array:
    """Noise ratios of the fine run on the range of a problem."""
    from diffopt.processes.span import Span

    span = Span(problem.process, steps, problem.sigma_max, problem.sigma_min, problem.end, None)
    return SCHEDULES[reference_name(problem)]().grid(span).sigmas
