"""Searches past the kinks of the default objective (theory.md, eq. 386)."""

from __future__ import annotations

import numpy as np
import pytest

from diffopt.data.spectrum import Spectrum
from diffopt.law.accumulated import Accumulated
from diffopt.objectives.problem import Problem
from diffopt.objectives.robust import Robust
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.search.descent import optimize
from diffopt.search.search import Search
from diffopt.solvers import SOLVERS, run_table

EIG = np.array([9, 3, 1, 0.3, 0.1, 0.03, 0.01])


def problem(solver: str, steps: int, end: str = "zero", unit: float = 1.0, null: bool = False) -> Problem:
    eig = unit**2 * (np.append(EIG, 0.0) if null else EIG)
    return Problem.create(Spectrum.create(eig), PROCESSES["ve"](), SOLVERS[solver](), steps, 80 * unit, 0.002 * unit, end)


@pytest.mark.parametrize("end", ["zero", "sigma_min"])
@pytest.mark.parametrize("solver", ["dpmpp_3m_sde", "dpmpp_2m", "euler_maruyama"])
def test_softer_objectives_have_the_gradients_of_differences(solver: str, end: str) -> None:
    search = Search(problem(solver, 5, end, null=True), Robust(soft=0.05), ("grid", "eta") if "m_sde" in solver else ("grid",))
    state = search.starts()["karras"]
    x = search.variables(state) + 0.1 * np.random.default_rng(0).standard_normal(len(search.bounds))
    _, gradient = search.loss(x, state)
    moves = 1e-5 * np.eye(x.size)
    slopes = [(search.loss(x + h, state)[0] - search.loss(x - h, state)[0]) / 2e-5 for h in moves]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-8)


def test_absolute_values_are_rounded_off_by_the_width_at_most() -> None:
    """Eq. (386) by hand from the signed defects of one step; and between |x| - width and |x| for all."""
    grid = Grid.create(PROCESSES["ve"](), [5.0, 1.0, 0.1])
    table = run_table(SOLVERS["euler"](), grid)
    sharp, soft = (Accumulated.of(table, EIG, "exact", width) for width in (0.0, 0.2))
    last = np.sqrt(EIG + 0.01)
    x = np.stack([sharp.relative[1, 1], sharp.defects.values[-1] / last])
    expected = last * (np.sqrt(x**2 + 0.04) - 0.2).sum(axis=0)
    np.testing.assert_allclose(soft.end[0], expected, rtol=1e-12)
    np.testing.assert_allclose(soft.end[1], sharp.end[1], rtol=1e-12)
    assert np.all(soft.end[0] <= sharp.end[0]) and np.all(soft.end[0] >= sharp.end[0] - 2 * 0.2 * last)


def test_optima_of_multistep_schemes_with_noise_are_the_same_in_all_units() -> None:
    values = [optimize(problem("dpmpp_3m_sde", 5, unit=unit), Robust()).value / unit for unit in (1.0, 0.13)]
    assert max(values) < min(values) * (1 + 2e-5)
