"""The curvature that a search of the grid begins with, and how a later search sees that it runs into a known optimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize as scipy_optimize

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.quasi_newton import minimize
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.search.descent import optimize
from diffopt.search.search import Search
from diffopt.solvers import SOLVERS, run_table

POWER = Spectrum.create(200.0 * np.arange(1, 50.0) ** -1.3)
STEPS = 10


def hessian(solver: str) -> np.ndarray:
    """Of the log objective by log shares of the log range at an optimum, by differences of plain values."""
    ask = Problem.create(POWER, PROCESSES["ve"](), SOLVERS[solver](), STEPS, 80.0, 0.002)
    objective = OBJECTIVES["robust"]()
    spectrum = Search(ask, objective).spectrum
    best = optimize(ask, objective).grid.sigmas
    shares = -np.diff(np.log([*best[:-1], 0.002]))

    def loss(x: np.ndarray) -> float:
        parts = shares * np.exp(x)
        inner = np.log(80.0) - np.cumsum(parts / parts.sum() * shares.sum())[:-1]
        grid = Grid.create(ask.process, np.concatenate([[80.0], np.exp(inner), [0.0]]))
        return float(np.log(objective.value(run_table(ask.solver, grid), spectrum, "exact")))

    size = 1e-3
    unit = size * np.eye(STEPS)
    found = np.zeros((STEPS, STEPS))
    for i in range(STEPS):
        for j in range(i + 1):
            mixed = sum(a * b * loss(a * unit[i] + b * unit[j]) for a in (1, -1) for b in (1, -1))
            found[i, j] = found[j, i] = mixed / (4 * size**2)
    return found


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_most_directions_have_the_curvature_of_the_theory(solver: str, order: int) -> None:
    """Eq. (320): p (p + 1)/N, by differences of values; a common factor of the shares has none."""
    curvatures = np.sort(np.linalg.eigvalsh(hessian(solver)))
    assert abs(curvatures[0]) < 1e-3 * curvatures[-1]
    assert np.median(curvatures) == pytest.approx(order * (order + 1) / STEPS, rel=0.15)


def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Two smooth basins in the first variable, the lower one at -1."""
    slope = 4 * x[0] * (x[0] ** 2 - 1) + 0.3
    return (x[0] ** 2 - 1) ** 2 + 0.3 * x[0] + x[1:] @ x[1:], np.concatenate([[slope], 2 * x[1:]])


def test_a_search_that_runs_into_a_known_optimum_ends_and_one_of_another_basin_does_not() -> None:
    bounds = [(-3.0, 3.0)] * 4
    known = minimize(bowl, np.array([1.4, 0.5, 0.2, -0.3]), bounds, 200, 1e-15, 1e-9, scale=0.05)
    assert known.x[0] > 0.9
    near = minimize(bowl, np.array([1.2, -0.4, 0.3, 0.1]), bounds, 200, 1e-15, 1e-9, known)
    # It ends on its way, before it is there.
    assert np.abs(near.x - known.x).max() < 0.1 and np.abs(near.gradient).max() > 1e-6
    assert near.value > known.value
    far = minimize(bowl, np.array([-0.3, -0.4, 0.3, 0.1]), bounds, 200, 1e-15, 1e-9, known)
    truth = scipy_optimize.minimize(lambda x: bowl(x)[0], [-1.0, 0, 0, 0])
    assert far.value == pytest.approx(truth.fun, abs=1e-8)


def test_a_right_first_curvature_saves_evaluations() -> None:
    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(0.005 * (x @ x) + 0.5 * x[0] ** 2), 0.01 * x + x[0] * np.eye(30)[0]

    x, bounds = np.linspace(-1, 1, 30), [(-9.0, 9.0)] * 30
    plain, scaled = (minimize(loss, x, bounds, 500, 1e-15, 1e-9, scale=scale) for scale in (None, 100.0))
    assert scaled.count < plain.count and scaled.value == pytest.approx(0, abs=1e-12)
