"""Optimizer and exact error as two plain functions, for studies that vary the spectrum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from diffopt.grid import Grid
from diffopt.objectives import OBJECTIVES
from diffopt.optimize import optimize
from diffopt.problem import Problem, evaluate
from diffopt.processes import VE
from diffopt.solvers import Solver
from diffopt.spectrum import Spectrum

Array = NDArray[np.float64]
OptimizeGrid = Callable[[Spectrum], Array]
GridError = Callable[[Spectrum, Array], float]


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
        return float(evaluate(case, Grid.create(case.process, sigmas)).frechet or 0.0)

    return best, error
