"""Rows of one problem, whose runs are scored side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from diffopt.errors import DiffoptError, UnsupportedError
from diffopt.foundation.arrays import Array, digits
from diffopt.objectives.problem import Problem
from diffopt.objectives.scores import JoinedSpectra, Scores
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.solvers import build_table
from diffopt.solvers.designs import PublishedDesign
from diffopt.studies.comparison.row import Row

#: Levels of runs that are scored side by side.
BATCH = 200


@dataclass(frozen=True, eq=False)
class NamedGrid:
    """A grid by its name, and the design of its noise."""

    name: str
    kind: str
    grid: Grid
    design: PublishedDesign | None = None


@dataclass(frozen=True, eq=False)
class _Run:
    """What is known of a grid that was run."""

    eta: Array
    calls: int
    scores: Scores

    def row(self, problem: Problem, budget: int, named: NamedGrid) -> Row:
        solver, grid, scores = problem.solver, named.grid, self.scores
        return Row(
            named.name, named.kind, solver.name, solver.clock_name(problem.process), budget, grid.steps, self.calls,
            grid.sigmas, self.eta, scores.errors, scores.held_out, scores.reasons,
            None if named.design is None else named.design.name,
        )  # fmt: skip


def scored_row(scorer: JoinedSpectra, problem: Problem, budget: int, named: NamedGrid) -> Row:
    """The row of one grid."""
    return _alone(scorer, problem, named).row(problem, budget, named)


def scored_rows(
    scorer: JoinedSpectra, problem: Problem, budget: int, grids: Sequence[NamedGrid],
    refused: Callable[[NamedGrid, DiffoptError], None],
) -> list[Row]:  # fmt: skip
    """Rows in the order of the grids; `refused` is told of those that have none.

    Grids that differ by rounding are run once, so that they are equal in every column.
    """
    runs: dict[int, _Run | DiffoptError] = {}
    for batch in _batches(grids):
        found = _together(scorer, problem, [grids[same[0]].grid for same in batch])
        for i, same in enumerate(batch):
            run = _tried(scorer, problem, grids[same[0]]) if found is None else found[i]
            runs |= dict.fromkeys(same, run)
    rows = []
    for i, named in enumerate(grids):
        run = runs[i]
        if isinstance(run, DiffoptError):
            refused(named, run)
        else:
            rows.append(run.row(problem, budget, named))
    return rows


def _alone(scorer: JoinedSpectra, problem: Problem, named: NamedGrid) -> _Run:
    solver, grid = problem.solver, named.grid
    eta = solver.etas(None, grid.steps) if named.design is None else named.design.etas(scorer.spectrum, grid)
    table = build_table(solver, Points.create(grid.process, grid.sigmas), eta)
    return _Run(eta, table.calls, scorer.score(table)[0])


def _tried(scorer: JoinedSpectra, problem: Problem, named: NamedGrid) -> _Run | DiffoptError:
    try:
        return _alone(scorer, problem, named)
    except DiffoptError as error:
        return error


def _together(scorer: JoinedSpectra, problem: Problem, grids: Sequence[Grid]) -> list[_Run] | None:
    """All in one table; None where one has none, and for tables that take one run at a time."""
    solver, sigma = problem.solver, np.stack([grid.sigmas for grid in grids])
    etas = np.tile(solver.etas(None, problem.steps), (len(grids), 1))
    try:
        table = build_table(solver, Points.create(problem.process, sigma), etas)
    except UnsupportedError:
        return None
    if table.maps is not None or table.error is not None:
        return None
    scores = scorer.score(table.columns())
    return [_Run(*run) for run in zip(etas, map(int, table.calls_each), scores, strict=True)]


def _batches(grids: Sequence[NamedGrid]) -> list[list[list[int]]]:
    """Numbers of equal grids, in lists of those that may stand in one table: their ends are of the same kind."""
    if not grids:
        return []
    sigma = np.stack([named.grid.sigmas for named in grids])
    equal: dict[bytes, list[int]] = {}
    for i, content in enumerate(digits(sigma)):
        equal.setdefault(content, []).append(i)
    alike: dict[tuple[bool, bool], list[list[int]]] = {}
    for same in equal.values():
        alike.setdefault((bool(np.isinf(sigma[same[0], 0])), bool(sigma[same[0], -1] == 0)), []).append(same)
    size = max(1, BATCH // sigma.shape[1])
    return [found[a : a + size] for found in alike.values() for a in range(0, len(found), size)]
