"""Grids over whole timesteps: against exhaustive search, against rounding, and the numbers of the dynamic program."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from problems import EXAMPLES, make, spectrum

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.law.law import Law
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import TrainedLevels
from diffopt.processes.beta_rules import alphas_from_betas
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.search.descent import optimize
from diffopt.search.integer import optimize_whole, round_path, whole_levels
from diffopt.search.shortest import _costs, shortest_paths
from diffopt.solvers import build_table, run_table

#: Fifty levels with the range of Stable Diffusion's thousand.
FIFTY = TrainedLevels(alphas_from_betas("scaled_linear:0.00085,0.012,1000")[19::20])
DATA = Spectrum.create(np.geomspace(30.0, 0.01, 8), np.geomspace(1.0, 40.0, 8))


def problem(solver, steps, process=FIFTY, end="zero", data=DATA, **options):
    return Problem.create(data, process, make(solver, **options), steps, end=end)


def value(case, objective, sigmas):
    table = run_table(case.solver, Grid.create(case.process, sigmas))
    return objective.value(table, objective.prepare(case.spectrum, None), case.start)


def gains(solver, sigmas):
    """Multipliers of whole runs in the noise-ratio picture by the published recurrences; sigmas (paths, 5)."""
    eig = DATA.eig
    pull = [eig / (eig + s[:, None] ** 2) for s in sigmas.T]
    gain, old, before = np.ones((len(sigmas), eig.size)), None, None
    for now, after, share, following in zip(sigmas.T[:-1], sigmas.T[1:], pull[:-1], pull[1:], strict=True):
        now, after = now[:, None], after[:, None]
        ratio = after / now
        denoised = share * gain
        euler = ratio * gain + (1 - ratio) * denoised
        if solver == "heun" and np.all(after > 0):
            slope = (gain - denoised) / now + (euler - following * euler) / after
            gain = gain + (after - now) * slope / 2
        elif solver == "dpmpp_2m" and old is not None and np.all(after > 0):
            mixed = denoised + np.log(now / after) / (2 * before) * (denoised - old)
            gain = ratio * gain + (1 - ratio) * mixed
        else:
            gain = euler
        with np.errstate(divide="ignore"):
            old, before = denoised, np.log(now / after)
    return gain


@pytest.mark.quiet_floats
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m"])
def test_within_one_percent_of_exhaustive_search(solver, end):
    """T = 50, N = 4: every choice is scored by the published loop, none of it by the code under test."""
    levels = whole_levels(FIFTY)
    case, goal = problem(solver, 4, FIFTY, end), OBJECTIVES["frechet"]()
    inner = np.array(list(combinations(range(48, -1 if end == "zero" else 0, -1), 3)))
    first, last = np.full((len(inner), 1), levels[-1]), np.full((len(inner), 1), 0.0 if end == "zero" else levels[0])
    sigmas = np.hstack([first, levels[inner], last])

    def distance(grids):
        spread = np.abs(gains(solver, grids)) * np.sqrt(DATA.eig + grids[:, :1] ** 2) / np.sqrt(1 + grids[:, -1:] ** 2)
        return np.sqrt((spread - np.sqrt(DATA.eig)) ** 2 @ DATA.weight)

    found = optimize_whole(case, goal, optimize(case, goal))
    best, got = distance(sigmas).min(), distance(found.grid.sigmas[None])[0]
    assert best * (1 - 1e-9) <= got <= best * 1.01
    assert set(np.round(found.grid.timesteps, 6)) <= set(range(50))


@pytest.mark.quiet_floats
@pytest.mark.parametrize(
    ("solver", "objective"),
    [("heun", "robust"), ("euler_ancestral", "robust"), ("unipc", "frechet"), ("euler", "kl"), ("ddim", "frechet")],
)
def test_other_solvers_and_objectives_are_within_one_percent_too(solver, objective):
    """T = 50, N = 4: the value of all 18,424 choices, side by side, against that of the choice that was searched."""
    case, goal, levels = problem(solver, 4), OBJECTIVES[objective](), whole_levels(FIFTY)
    inner = np.array(list(combinations(range(48, -1, -1), 3)))
    sigmas = np.hstack([np.full((len(inner), 1), levels[-1]), levels[inner], np.zeros((len(inner), 1))])
    prepared, eta = goal.prepare(DATA, None), case.solver.etas(None, 4)
    best = np.inf
    for part in np.array_split(sigmas, 40):
        table = build_table(case.solver, Points.create(FIFTY, part), np.broadcast_to(eta, (len(part), 4)))
        best = min(best, float(np.nanmin(goal.values(table.columns(), prepared, case.start))))
    found = optimize_whole(case, goal, optimize(case, goal))
    assert best * (1 - 1e-9) <= value(case, goal, found.grid.sigmas) <= best * 1.01


@pytest.mark.parametrize("solver", ["euler", "dpmpp_2m"])
@pytest.mark.parametrize("steps", [6])
def test_never_worse_than_rounding_with_a_thousand_levels(solver, steps):
    """And, with so many levels, near the relaxed optimum."""
    case, goal = problem(solver, steps, EXAMPLES["table"]), OBJECTIVES["robust"]()
    relaxed = optimize(case, goal)
    found = optimize_whole(case, goal, relaxed)
    rounded = whole_levels(case.process)[list(round_path(whole_levels(case.process), relaxed.grid.sigmas[:-1], False))]
    assert value(case, goal, found.grid.sigmas) <= value(case, goal, [*rounded, 0.0]) * (1 + 1e-12)
    assert value(case, goal, found.grid.sigmas) <= value(case, goal, relaxed.grid.sigmas) * 1.02
    index = found.grid.timesteps
    np.testing.assert_allclose(index, np.round(index), atol=1e-9)


def test_flow_models_have_thousandths():
    case, goal = problem("euler", 5, EXAMPLES["flow"]), OBJECTIVES["robust"]()
    found = optimize_whole(case, goal, optimize(case, goal))
    assert found.grid.times[0] == 1
    np.testing.assert_allclose(found.grid.times * 1000, np.round(found.grid.times * 1000), atol=1e-9)


def test_local_costs_are_those_of_single_steps():
    """Eq. (203): one step of the exact law from the exact marginal."""
    case = problem("heun", 2, data=spectrum())
    levels = whole_levels(FIFTY)[::10]
    cost, last = _costs(case, levels, 0.0, 1.0)
    for i, j in ((4, 0), (3, 2), (2, None)):
        grid = Grid.create(FIFTY, [levels[i], 0.0 if j is None else levels[j]])
        table = run_table(case.solver, grid)
        law = Law(table, case.spectrum, "exact")
        marginal = table.alpha[-1] ** 2 * case.spectrum.eig + table.level[-1] ** 2
        wish = np.sqrt(case.spectrum.weight @ (case.spectrum.eig * (np.sqrt(law.variance / marginal) - 1) ** 2))
        assert (last[i] if j is None else cost[i, j]) == pytest.approx(wish, rel=1e-10)


def test_the_dynamic_program_finds_the_cheapest_path():
    """Eq. (204) against every path of four levels out of fifty."""
    case, levels = problem("euler", 4), whole_levels(FIFTY)
    cost, last = _costs(case, levels, 0.0, 1.0)

    def length(path):
        return sum(cost[a, b] for a, b in zip(path[:-1], path[1:], strict=True)) + last[path[-1]]

    best = min(length((49, *inner)) for inner in combinations(range(48, -1, -1), 3))
    assert length(shortest_paths(case, levels, np.zeros(4), 4)[0]) == pytest.approx(best, rel=1e-12)


def test_processes_without_timesteps_and_too_many_steps_are_refused():
    goal = OBJECTIVES["robust"]()
    case = problem("euler", 3, EXAMPLES["ve"])
    with pytest.raises(UnsupportedError, match="whole timesteps"):
        optimize_whole(case, goal, optimize(case, goal))
    short = TrainedLevels(alphas_from_betas("linear:0.01,0.3,6"))
    case = problem("euler", 7, short)
    with pytest.raises(InputError, match="fewer steps"):
        optimize_whole(case, goal, optimize(case, goal))
