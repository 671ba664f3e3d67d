"""Grids over the whole timesteps of a trained model: dynamic programming, then local search (theory.md, section 51)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from diffopt.data.compression import short
from diffopt.data.dataset import Dataset
from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.objectives import Objective
from diffopt.objectives.problem import Problem
from diffopt.processes import Process
from diffopt.processes.grid import Grid
from diffopt.search.result import OptimizeResult
from diffopt.search.scoring import Scorer
from diffopt.search.shortest import shortest_paths
from diffopt.search.starts import applicable
from diffopt.search.variables import State

Progress = Callable[[int, float], None]
#: Choice of indices into the levels, descending in sigma.
Path = tuple[int, ...]

#: Timesteps of a flow model.
FLOW_LEVELS = 1000
#: Up to this many levels a move goes everywhere; with more it goes by powers of 2.
SMALL = 64
#: Sweeps at most.
SWEEPS = 60
#: Named schedules from which the search starts, beside the relaxed optimum and the shortest paths.
NAMED = 3


def whole_levels(process: Process) -> Array:
    """Noise ratios of the whole timesteps, ascending, shape (T,).

    Raises
    ------
    UnsupportedError
        A process without timesteps.
    """
    levels = process.whole_levels()
    if levels is not None:
        return levels
    raise UnsupportedError(
        f"process {process.name!r} has no whole timesteps; use --process table (--betas or --scheduler-config) or flow"
    )


@dataclass(frozen=True, eq=False)
class _Search:
    """The question with its levels, and every value that was computed."""

    problem: Problem
    objective: Objective
    eta: Array
    levels: Array
    scorer: Scorer
    known: dict[Path, float] = field(default_factory=dict)

    def sigmas(self, path: Path) -> Array:
        """Noise ratios of a choice, with the 0."""
        found = self.levels[list(path)]
        return np.append(found, 0.0) if self.problem.end == "zero" else found

    def value(self, path: Path) -> float:
        """Objective of a choice on the short spectrum."""
        self.score([path])
        return self.known[path]

    def score(self, paths: Iterable[Path]) -> None:
        """Value of every choice that has none yet, side by side."""
        new = [path for path in dict.fromkeys(paths) if path not in self.known]
        if not new:
            return
        like = State(self.sigmas(new[0]), self.eta, self.problem.process, self.problem.solver)
        sigmas = np.stack([self.sigmas(path) for path in new])
        values = self.scorer.stack(like, sigmas, np.broadcast_to(self.eta, (len(new), self.eta.size)))
        self.known.update(zip(new, np.where(np.isfinite(values), values, np.inf).tolist(), strict=True))

    def best(self, paths: Iterable[Path]) -> Path:
        """The first of the best."""
        given = list(paths)
        self.score(given)
        return min(given, key=self.known.__getitem__)


def optimize_whole(
    problem: Problem, objective: Objective, relaxed: OptimizeResult, progress: Progress | None = None
) -> OptimizeResult:
    """Best grid whose levels are whole timesteps, from the relaxed optimum.

    The rounded relaxed optimum, shortest paths over local errors and rounded named schedules are improved by moving
    one level or two neighbours at a time until no move helps. The result is never worse than the rounding.

    Parameters
    ----------
    problem : Problem
        Data, process with timesteps, solver, budget, range; its ends move to the nearest levels inside the range.
    objective : Objective
        What is minimized.
    relaxed : OptimizeResult
        Optimum without the constraint.

    Raises
    ------
    InputError
        More steps than there are timesteps in the range.
    UnsupportedError
        A process without timesteps, or no choice with a finite objective.
    """
    search = _prepared(problem, objective, relaxed)
    count = problem.steps if problem.end == "zero" else problem.steps + 1
    if count > search.levels.size:
        raise InputError(f"{problem.steps} steps need {count} timesteps and the range has {search.levels.size}; take fewer steps")
    rounded = round_path(search.levels, relaxed.grid.sigmas[:count], problem.end == "sigma_min")
    starts = list(_starts(search, problem, rounded, count))
    best, converged = rounded, True
    for start in starts:
        found, done = _improved(search, start, progress)
        if search.value(found) < search.value(best):
            best, converged = found, done
    if not np.isfinite(search.value(best)):
        raise UnsupportedError(f"no whole timesteps give a finite {objective.name}; use another solver or --end sigma_min")
    how = "no move of a level or of two neighbours helps" if converged else f"stopped after {SWEEPS} sweeps"
    message = f"whole timesteps: {how}; {100 * (search.value(best) / relaxed.value - 1):.3g} % above the relaxed optimum, " + (
        f"rounding it {100 * (search.value(rounded) / relaxed.value - 1):.3g} %"
    )
    return OptimizeResult(
        Grid.create(problem.process, search.sigmas(best)), search.eta, relaxed.solver, problem.process,
        search.value(best), converged and relaxed.converged, message, relaxed.evaluations + len(search.known),
        len(starts), relaxed.family, relaxed.scores, relaxed.started,
        tuple(held for held in relaxed.at_bound if held.split()[0] in relaxed.family),
    )  # fmt: skip


def _prepared(problem: Problem, objective: Objective, relaxed: OptimizeResult) -> _Search:
    """Levels inside the range and the spectrum that the relaxed search scored on."""
    every = whole_levels(problem.process)
    inside = (every <= problem.sigma_max * (1 + 1e-9)) & (every >= problem.sigma_min * (1 - 1e-9))
    if not inside.any():
        raise InputError(f"no timestep lies between sigma {problem.sigma_min:g} and {problem.sigma_max:g}")
    spectrum = short(objective.prepare(problem.compressed("design").spectrum, problem.data.members), "search")
    scored = replace(problem, data=Dataset.of(spectrum), solver=relaxed.solver)
    return _Search(scored, objective, relaxed.eta, every[inside], Scorer(scored, objective, spectrum))


def round_path(levels: Array, sigmas: Array, fixed_end: bool) -> Path:
    """Nearest levels in log sigma, distinct, from the first to the last level of the range."""
    logs = np.log(np.where(np.isfinite(levels), levels, levels[-2] ** 2 / levels[-3]))
    top = levels.size - 1
    wish = np.log(np.where(np.isfinite(sigmas), sigmas, np.exp(logs[-1])))
    index = np.abs(logs[None, :] - wish[:, None]).argmin(axis=1)
    index[0] = top
    if fixed_end:
        index[-1] = 0
    for k in range(1, index.size):
        index[k] = min(index[k], index[k - 1] - 1)
    return tuple(int(i) for i in np.maximum(index, np.arange(index.size)[::-1]))


def _starts(search: _Search, problem: Problem, rounded: Path, count: int) -> Iterator[Path]:
    """Rounded optimum, shortest paths, and the best rounded named schedules; each once."""
    fixed = problem.end == "sigma_min"
    named = [
        round_path(search.levels, grid.sigmas[:count], fixed)
        for grid in applicable(problem.compressed("design")).values()
    ]  # fmt: skip
    paths = shortest_paths(search.problem, search.levels, search.eta, count)
    ranked = sorted(set(named), key=search.value)[:NAMED]
    yield from dict.fromkeys([rounded, *paths, *ranked])


def _improved(search: _Search, path: Path, progress: Progress | None) -> tuple[Path, bool]:
    """Best move of every level in turn until a sweep changes nothing."""
    last = len(path) if search.problem.end == "zero" else len(path) - 1
    for _ in range(SWEEPS):
        before = path
        for k in range(1, last):
            path = search.best([path, *_moves(search.levels.size, path, k)])
        if path == before:
            better = search.best([path, *_pairs(search.levels.size, path, last)])
            if better == path:
                return path, True
            path = better
        if progress is not None:
            progress(len(search.known), search.value(path))
    return path, False


def _moves(size: int, path: Path, k: int) -> Iterator[Path]:
    """Level k anywhere between its neighbours, or by powers of 2 where there are many."""
    low, high = (path[k + 1] if k + 1 < len(path) else -1), path[k - 1]
    for index in _near(path[k], size):
        if low < index < high and index != path[k]:
            yield (*path[:k], index, *path[k + 1 :])


def _pairs(size: int, path: Path, last: int) -> Iterator[Path]:
    """Two neighbouring levels at once."""
    for k in range(1, last - 1):
        for first in _near(path[k], size):
            for second in _near(path[k + 1], size):
                found = (*path[:k], first, second, *path[k + 2 :])
                if all(a > b for a, b in pairwise(found)) and found[-1] >= 0:
                    yield found


def _near(index: int, size: int) -> Iterable[int]:
    if size <= SMALL:
        return range(size)
    shifts = [2**p for p in range(int(np.log2(size)))]
    return [*(index - s for s in shifts), index, *(index + s for s in shifts)]
