"""The optimum beside grids that are evaluated: searched once for all grids of one question."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.documents.chosen import make_objective
from diffopt.errors import DiffoptError
from diffopt.objectives.problem import Problem
from diffopt.processes import Process, TrainedLevels
from diffopt.processes.grid import Grid
from diffopt.search.descent import optimize as search

#: Questions whose optimum is remembered, by what they ask: data may be large, and are not kept.
KEPT = 32
_FOUND: dict[Hashable, Grid | None] = {}


def optimum(problem: Problem, eta: Any) -> Grid | None:
    """The grid that is best by `robust`; None where no grid has a finite error."""
    key = _question(problem, eta)
    if problem.solver.needs_data or not _is_hashable(key):
        return _searched(problem, eta)
    if key not in _FOUND:
        if len(_FOUND) >= KEPT:
            _FOUND.pop(next(iter(_FOUND)))
        _FOUND[key] = _searched(problem, eta)
    return _FOUND[key]


def _searched(problem: Problem, eta: Any) -> Grid | None:
    try:
        return search(problem, make_objective("robust"), ["grid"], eta).grid
    except DiffoptError:
        return None


def _question(problem: Problem, eta: Any) -> Hashable:
    """All that an optimum depends on, by value."""
    fixed = tuple(problem.solver.etas(eta, problem.steps).tolist())
    span = (problem.steps, problem.sigma_max, problem.sigma_min, problem.end, problem.start)
    return _data(problem.data), _process(problem.process), problem.solver, span, fixed


def _is_hashable(key: Any) -> bool:
    """Whether it can be remembered: fields of a user's own solver or process may be lists."""
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _data(data: Dataset) -> Hashable:
    members = () if data.members is None else tuple(s.sha256 for s in data.members.spectra)
    shares = () if data.members is None else tuple(np.asarray(data.members.probabilities).tolist())
    return data.spectrum.sha256, members, shares


def _process(process: Process) -> Hashable:
    return process.log_sigma.tobytes() if isinstance(process, TrainedLevels) else process
