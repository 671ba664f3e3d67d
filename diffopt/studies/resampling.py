"""Optimizer and exact error as two plain functions, for studies that vary the spectrum."""

from __future__ import annotations

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.estimation.bootstrap import GridError, OptimizeGrid
from diffopt.foundation.arrays import Array
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.search.descent import optimize
from diffopt.solvers import Solver


def functions(solver: Solver, steps: int) -> tuple[OptimizeGrid, GridError]:
    """Best grid of a spectrum and Frechet error of a grid on a spectrum, both for `ve` with its defaults.

    The grid minimizes the exact error itself, without the safety of the robust objective: what is asked
    for is how much the spectrum's own uncertainty matters.
    """

    def problem(spectrum: Spectrum) -> Problem:
        return Problem.create(spectrum, VE(), solver, steps)

    def best(spectrum: Spectrum) -> Array:
        found = optimize(problem(spectrum), OBJECTIVES["frechet"]())
        return np.asarray(found.grid.sigmas, dtype=np.float64)

    def error(spectrum: Spectrum, sigmas: Array) -> float:
        case = problem(spectrum)
        found = evaluate(case, Grid.create(case.process, sigmas), expand=False)
        if found.frechet is None:
            raise UnsupportedError(f"solver {solver.name!r}: {found.reasons['frechet']}; take another --boot-solver")
        return found.frechet

    return best, error
