"""Grids that are taken from other schemes: whose they are, how far they go, and what is refused."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.search.descent import optimize
from diffopt.search.result import OptimizeResult
from diffopt.search.starts import BASELINES, applicable
from diffopt.solvers import SOLVERS, run_table

EIG = 4.0 * np.arange(1, 13.0) ** -1.5
ROBUST = OBJECTIVES["robust"]()
#: Solvers that take grids of others unless told otherwise.
TAKING = [name for name, cls in SOLVERS.items() if cls.grid_solvers]


def task(solver: str, steps: int = 6) -> Problem:
    return Problem.create(Spectrum.create(EIG), VE(), SOLVERS[solver](), steps, 20.0, 0.01)


@cache
def default(solver: str, steps: int) -> OptimizeResult:
    return optimize(task(solver, steps), ROBUST)


def value(problem: Problem, sigmas: np.ndarray) -> float:
    """`robust` on all eigenvalues."""
    solver = problem.solver.for_data(problem.data).for_even_grid()
    return ROBUST.value(run_table(solver, Grid.create(VE(), sigmas)), ROBUST.prepare(problem.spectrum), "exact")


def toward(problem: Problem, found: np.ndarray, middle: np.ndarray, own: np.ndarray) -> tuple[float, float]:
    """Share of the own optimum by each inner point's logarithm: mean and spread."""
    del problem
    gap = np.log(own[1:-1] / middle[1:-1])
    keep = np.abs(gap) > 1e-3
    share = np.log(found[1:-1] / middle[1:-1])[keep] / gap[keep]
    return float(share.mean()), float(np.ptp(share))


@pytest.mark.parametrize("steps", [4, 6, 16])
@pytest.mark.parametrize("solver", TAKING)
def test_the_default_is_the_geometric_mean_unless_a_printed_schedule_is_better(solver, steps):
    """Eqs. (134) and (291): the point-by-point mean, or the first quarter of the way at which no baseline is better."""
    problem = task(solver, steps)
    found = default(solver, steps).grid.sigmas
    grids = [default(name, steps).grid.sigmas for name in SOLVERS[solver].grid_solvers]
    middle = np.prod(grids, axis=0) ** (1 / len(grids))
    best = min(value(problem, np.asarray(grid.sigmas)) for grid in applicable(problem, BASELINES).values())
    assert value(problem, found) <= best * (1 + 1e-3)
    if value(problem, middle) <= best:
        np.testing.assert_allclose(found, middle, rtol=1e-12)
    else:
        own = optimize(problem, ROBUST, grid_of=()).grid.sigmas
        share, spread = toward(problem, found, middle, own)
        assert share in (pytest.approx(0.25), pytest.approx(0.5), pytest.approx(0.75), pytest.approx(1.0))
        assert spread < 1e-6
        before = np.append(middle[:-1] ** (1.25 - share) * own[:-1] ** (share - 0.25), 0.0)
        assert value(problem, before) > best * (1 - 1e-3)


def test_both_ways_are_seen():
    """The case above where a baseline is better, and where none is."""
    messages = [default("ipndm", steps).message for steps in (6, 16)]
    assert "of the way" not in messages[0]
    assert "of the way to the solver's own optimum" in messages[1]


def test_named_solvers_give_their_grid():
    euler = diffopt.optimize(EIG, "euler", 6)
    taken = diffopt.optimize(EIG, "unipc", 6, grid_of="euler")
    np.testing.assert_allclose(taken.sigmas, euler.sigmas, rtol=1e-12)
    assert "the grid of euler" in taken.document["optimizer"]["message"]
    again = diffopt.evaluate(EIG, sigmas=euler.sigmas.tolist(), solver="unipc")
    assert taken.errors["robust"] == pytest.approx(again.errors["robust"], rel=1e-9)
    both = diffopt.optimize(EIG, "unipc", 6, grid_of=["euler", "heun"])
    heun = diffopt.optimize(EIG, "heun", 6)
    np.testing.assert_allclose(both.sigmas, np.sqrt(euler.sigmas * heun.sigmas), rtol=1e-12)


def test_the_schemes_are_searched_for_with_the_score_error():
    wrong = {"score_error": "data:0.3", "sigma_max": 20.0}
    found = diffopt.optimize(EIG, "ipndm", 6, **wrong)
    parts = [diffopt.optimize(EIG, name, 6, **wrong).sigmas for name in ("euler", "heun")]
    np.testing.assert_allclose(found.sigmas[:-1], np.sqrt(parts[0][:-1] * parts[1][:-1]), rtol=1e-6)
    assert not np.allclose(found.sigmas, diffopt.optimize(EIG, "ipndm", 6, sigma_max=20.0).sigmas, rtol=1e-3)


def test_own_is_the_search_for_the_solver():
    own = diffopt.optimize(EIG, "ipndm", 6, grid_of="own")
    default = diffopt.optimize(EIG, "ipndm", 6)
    assert own.errors["robust"] < default.errors["robust"] * 0.99
    assert any('grid_of="own"' in line for line in default.notes)
    assert not any('grid_of="own"' in line for line in own.notes)
    shared = diffopt.optimize(EIG, "ipndm", 6, free="shared")
    assert not any("grid_of=" in line for line in shared.notes)
    plain = diffopt.optimize(EIG, "unipc", 6)
    np.testing.assert_array_equal(plain.sigmas, diffopt.optimize(EIG, "unipc", 6, grid_of="own").sigmas)


def test_objectives_in_which_errors_cancel_are_searched_for_the_solver_itself():
    """Who asks for the least distance gets it."""
    asked = diffopt.optimize(EIG, "ipndm", 3, objective="frechet")
    assert asked.errors["frechet"] <= diffopt.optimize(EIG, "ipndm", 3).errors["frechet"]
    assert "mean of the grids" not in asked.document["optimizer"]["message"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"grid_of": "eulr"}, "grid_of=.eulr. is no solver"),
        ({"grid_of": ""}, "grid_of = '' is empty"),
        ({"grid_of": "fitted_2"}, "takes grids of others"),
        ({"grid_of": "euler", "free": "grid,eta", "solver": "ddim"}, "no effect unless the grid alone is free"),
        ({"grid_of": "euler", "timesteps": "integer", "process": "flow"}, "no effect unless the grid alone is free"),
    ],
)
def test_what_is_refused(flags, said):
    with pytest.raises(InputError, match=said):
        diffopt.optimize(EIG, **{"solver": "unipc", "steps": 4, **flags})
