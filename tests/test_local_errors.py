"""Local errors of concrete runs: memory and noise together, nodes inside a step, the limit of vanishing noise."""

from __future__ import annotations

import numpy as np
import pytest
from problems import EXAMPLES, TABLED, grid_for, make

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.law.local_errors import LocalDefects, first_order_frechet
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.schedules import SCHEDULES
from diffopt.solvers import build_table, run_table
from diffopt.solvers.table import Table


def step_weights(table: Table, k: int, eig: float) -> tuple[np.ndarray, np.ndarray]:
    """Step k of eq. (10) on one eigenvalue: weights on the nodes 0 ... kR, and on the sources."""
    count = k * table.rows + 1
    state = np.vstack([np.eye(count), np.zeros((table.rows, count))])
    noise = np.zeros((count + table.rows, max(table.sources, 1)))
    for r in range(table.rows):
        i = count + r
        for lag in range(table.lags):
            j = i - 1 - lag
            if j < 0:
                continue
            v = table.alpha[j] ** 2 * eig + table.level[j] ** 2
            c = table.state[k, r, lag] + table.denoised[k, r, lag] * table.alpha[j] * eig / v - table.score[k, r, lag] / v
            state[i] += c * state[j]
            noise[i] += c * noise[j]
        noise[i, : table.sources] += table.noise[k, r]
    return state[-1], noise[-1]


@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if c.eta_meaning])
def test_signed_defects_with_noise_and_memory(name: str, process: str) -> None:
    """Eqs. (31), (65)-(67) by dense covariances of the exact chain: corr(z_i, z_j) = prod sqrt(1 - n/v)."""
    table = run_table(make(name), grid_for(EXAMPLES[process], 5, "sigma_min"), 0.8)
    eig = np.array([3.0, 0.4, 0.02])
    found = LocalDefects(table, Spectrum.create(eig)).variance_steps
    for column, e in enumerate(eig):
        v = table.alpha[:: table.rows] ** 2 * e + table.level[:: table.rows] ** 2
        weights = [step_weights(table, k, e) for k in range(table.steps)]
        kept = np.array([max(1 - w[1] @ w[1] / v[k + 1], 0) for k, w in enumerate(weights)])
        for k, (state, noise) in enumerate(weights):
            used = np.flatnonzero(state)
            assert all(i % table.rows == 0 for i in used)
            points = used // table.rows
            chain = [[np.sqrt(v[i] * v[j] * np.prod(kept[min(i, j) : max(i, j)])) for j in points] for i in points]
            after = state[used] @ np.array(chain) @ state[used] + noise @ noise
            share = v[-1] / v[k + 1] * np.prod(kept[k + 1 :])
            assert found[k, column] == pytest.approx((after - v[k + 1]) * share, rel=1e-9, abs=1e-13 * v[-1])


@pytest.mark.parametrize("solver", ["unipc", "heun", "dpmpp_2m", "dpmpp_3m"])
def test_leading_order_meets_the_exact_distance(solver: str) -> None:
    """Eqs. (67), (102): the ratio to the exact distance tends to 1, and is within 10 % at 80 steps."""
    data = Spectrum.create(4 / np.arange(1, 9) ** 1.5)
    ratios = []
    for steps in (40, 80, 160, 320):
        problem = Problem.create(data, VE(), make(solver), steps, 80.0, 0.02, "sigma_min")
        grid = SCHEDULES["karras"]().grid(problem.span)
        exact = evaluate(problem, grid, expand=False).discretization
        predicted = first_order_frechet(data, grid, problem.solver)
        assert exact is not None and predicted is not None
        ratios.append(abs(predicted / exact - 1))
    assert ratios[1] < 0.1 and ratios[3] < 0.03
    assert ratios[1] > ratios[2] > ratios[3]


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if c.eta_meaning])
@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_no_objective_jumps_where_the_noise_vanishes(name: str, objective: str) -> None:
    """Eq. (33): eta = 1e-12 is eta = 0 to 1e-5; path_kl is infinite there."""
    if objective == "path_kl":
        return
    rng = np.random.default_rng(0)
    data = Spectrum.create([5.0, 0.6, 0.03])
    for _ in range(5):
        levels = np.sort(np.exp(rng.uniform(-2, 4, 6)))[::-1]
        grid = Grid.create(VE(), levels)
        thing = OBJECTIVES[objective]()
        values = [
            thing.value(run_table(make(name), grid, eta), thing.prepare(data), "exact") for eta in (0.0, 1e-14, 1e-7)
        ]
        assert values[1] == pytest.approx(values[0], rel=1e-5)
        assert values[2] == pytest.approx(values[0], rel=1e-2)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", [*TABLED])
def test_many_grids_at_once_have_the_values_of_each(name: str, objective: str) -> None:
    """A stacked table against one table at a time, with a mean and a mismatched start."""
    solver, thing = make(name), OBJECTIVES[objective]()
    data = thing.prepare(Spectrum.create([7.0, 0.6, 0.04], [1.0, 2.0, 3.0], [1.0, 0.5, 0.2]))
    rng = np.random.default_rng(1)
    for end in ("zero", "sigma_min"):
        sigmas = np.sort(np.exp(rng.uniform(-3, 3, (7, 6))))[:, ::-1].copy()
        if end == "zero":
            sigmas[:, -1] = 0
        eta = np.broadcast_to(rng.uniform(0.2, 0.9, (7, 1)) * bool(solver.eta_meaning), (7, 5)).copy()
        # Without noise the fourth has no path_kl, and the others keep theirs.
        eta[3] *= objective != "path_kl"
        points = Points.create(VE(), sigmas)
        table = build_table(solver, points, eta)
        single = [build_table(solver, Points.create(VE(), s), e) for s, e in zip(sigmas, eta, strict=True)]
        np.testing.assert_array_equal(table.calls_each, [one.calls for one in single])
        if objective == "path_kl" and solver.memory:
            with pytest.raises(UnsupportedError, match="without memory"):
                thing.values(table.columns(), data, "unit")
            continue
        together = thing.values(table.columns(), data, "unit")
        np.testing.assert_allclose(together, [thing.value(one, data, "unit") for one in single], rtol=1e-11)
