"""What each step adds to the squared error of a whole run: parts that add up exactly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from problems import EXAMPLES, TABLED, grid_for, irregular, make

from diffopt.data.spectrum import Spectrum
from diffopt.law.contributions import Contributions
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.table import Table

EIG = np.array([3.0, 0.4, 0.02])


def end_weights(table: Table, k: int, eig: float, last: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The end as steps k, ..., `last` - 1 of eq. (10) make it: weights on the nodes up to that of step k, and on the noise."""
    count, sources = k * table.rows + 1, max(table.sources, 1)
    state, noise = np.eye(count), np.zeros((count, sources * table.steps))
    for step in range(k, table.steps if last is None else last):
        for r in range(table.rows):
            new, drawn, i = np.zeros(count), np.zeros(sources * table.steps), step * table.rows + r + 1
            for lag in range(table.lags):
                j = i - 1 - lag
                if j < 0:
                    continue
                v = table.alpha[j] ** 2 * eig + table.level[j] ** 2
                c = table.state[step, r, lag] - table.score[step, r, lag] / v
                c += table.denoised[step, r, lag] * table.alpha[j] * eig / v
                new, drawn = new + c * state[j], drawn + c * noise[j]
            drawn[step * sources : step * sources + table.sources] += table.noise[step, r]
            state, noise = np.vstack([state, new]), np.vstack([noise, drawn])
    return state[-1], noise[-1]


def kept_shares(table: Table, eig: float, v: np.ndarray) -> np.ndarray:
    """Squared correlation of both ends of every step along the exact process, eq. (31)."""
    fresh = []
    for k in range(table.steps):
        short = end_weights(table, k, eig, k + 1)[1]
        fresh.append(short @ short)
    return np.maximum(1 - np.array(fresh) / v[1:], 0)


@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
@pytest.mark.parametrize("name", list(TABLED))
def test_a_step_s_part_is_what_the_end_gains_when_the_step_is_not_exact(name: str, process: str) -> None:
    """Eq. (450) by dense weights of the end on exact states; the parts of all steps are the whole error."""
    table = run_table(make(name), grid_for(EXAMPLES[process], 5, "sigma_min"), 0.8 if TABLED[name].eta_meaning else None)
    data = Spectrum.create(EIG)
    found, order = Contributions(table, data), {round(e, 9): i for i, e in enumerate(data.eig)}
    for e in EIG:
        column = order[round(e, 9)]
        v = table.alpha[:: table.rows] ** 2 * e + table.level[:: table.rows] ** 2
        kept, ends = kept_shares(table, e, v), {}
        for k in range(table.steps + 1):
            state, noise = end_weights(table, k, e)
            used = np.flatnonzero(state)
            if k in (0, table.steps) or not any(i % table.rows for i in used):
                at = used // table.rows
                chain = [[np.sqrt(v[i] * v[j] * np.prod(kept[min(i, j) : max(i, j)])) for j in at] for i in at]
                ends[k] = state[used] @ np.array(chain) @ state[used] + noise @ noise
        assert found.variance[:, column].sum() == pytest.approx(ends[0] - v[-1], rel=1e-8, abs=1e-12 * v[-1])
        for k in sorted(ends)[:-1]:
            if k + 1 in ends:
                assert found.variance[k, column] == pytest.approx(ends[k] - ends[k + 1], rel=1e-8, abs=1e-11 * v[-1])


@pytest.mark.parametrize("mean", [None, [2.0, 0.0, -1.0]])
@pytest.mark.parametrize("name", [*TABLED, *(n for n in SOLVERS if n.startswith(("randomized", "local_lin")))])
def test_the_parts_add_up_to_the_square_of_the_distance_that_evaluate_finds(name: str, mean: list[float] | None) -> None:
    """Eq. (451), directions counted."""
    data = Spectrum.create(EIG, [2.0, 3.0, 5.0], mean)
    grid = Grid.create(VE(), irregular(4, "sigma_min"))
    problem = Problem.create(data, VE(), make(name), 4, grid.sigmas[0], grid.sigmas[-1], "sigma_min")
    exact = evaluate(problem, grid, expand=False).discretization
    assert exact is not None
    squared = Contributions(run_table(problem.solver, grid), data).squared
    assert squared.sum() == pytest.approx(exact**2, rel=1e-9)
    assert squared.shape == (4, 3)


def test_euler_s_parts_by_hand() -> None:
    """Steps multiply the deviation by m; after an inexact step the later ones multiply too, not the exact flow."""
    sigmas, eig = [4.0, 1.0, 0.3], 0.5
    v = [eig + s * s for s in sigmas]
    m = [1 + (t - s) * s / (eig + s * s) for s, t in pairwise(sigmas)]
    by_hand = [(m[0] ** 2 * v[0] - v[1]) * m[1] ** 2, m[1] ** 2 * v[1] - v[2]]
    out, exact = m[0] * m[1] * v[0] ** 0.5, v[2] ** 0.5
    found = Contributions(run_table(make("euler"), Grid.create(VE(), sigmas)), Spectrum.create([eig], [7.0]))
    np.testing.assert_allclose(found.variance[:, 0], by_hand, rtol=1e-12)
    np.testing.assert_allclose(found.squared[:, 0], [7 * c * (out - exact) / (out + exact) for c in by_hand], rtol=1e-9)
    assert found.squared.sum() == pytest.approx(7 * (out - exact) ** 2, rel=1e-9)


def test_null_directions_count_their_variance() -> None:
    """Where the target has none, what is added is the error itself."""
    sigmas = [2.0, 1.0, 0.5]
    found = Contributions(run_table(make("euler"), Grid.create(VE(), sigmas)), Spectrum.create([0.0, 1.0]))
    assert np.isfinite(found.squared).all()
    # Euler is exact there: z is a multiple of sigma.
    np.testing.assert_allclose(found.squared[:, -1], 0, atol=1e-15)
