"""The optimizer against closed forms, brute force, every named schedule, and its own promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import EXAMPLES, make
from scipy.optimize import minimize

import diffopt.search.lbfgs as optimize_module
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.schedules import SCHEDULES
from diffopt.search.descent import optimize
from diffopt.search.search import Search
from diffopt.search.starts import BASELINES, applicable
from diffopt.search.variables import GridBlock
from diffopt.solvers import SOLVERS, run_table

FRECHET = OBJECTIVES["frechet"]()
VE = EXAMPLES["ve"]
POWER = Spectrum.create(4.0 * np.arange(1, 41.0) ** -2)


def problem(data=POWER, solver="euler", steps=6, high=80.0, low=0.002, end="zero", start="exact", process=VE, clock=None):
    return Problem.create(data, process, make(solver, clock), steps, high, low, end, start)


def uniformity(grid, variable):
    """Largest deviation of the interior points from equal steps, as noise ratios relative to the right ones."""
    u = variable(grid.sigmas)
    return np.abs(np.diff(u) / np.diff(u).mean() - 1).max()


# --- closed forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objective", "steps"), [("frechet", 2), ("frechet", 5), ("frechet", 10), ("frechet", 25), ("kl", 5), ("discretization", 5)]
)
@pytest.mark.parametrize(("eig", "low"), [(0.04, 1e-4), (1.0, 0.002), (30.0, 0.02)])
def test_one_eigenvalue_euler_is_uniform_in_the_angle(eig, low, steps, objective):
    """F1: arctan(sigma/sqrt(eig)) in equal steps, for every metric and any N, far from a tight sigma_min."""
    found = optimize(problem(Spectrum.create([eig]), steps=steps, low=low), OBJECTIVES[objective]())
    angle = np.arctan(found.grid.sigmas / math.sqrt(eig))
    np.testing.assert_allclose(angle, np.linspace(np.arctan(80.0 / math.sqrt(eig)), 0, steps + 1), rtol=0, atol=1e-7)
    assert found.converged


@pytest.mark.parametrize("end", ["zero", "sigma_min"])
def test_ddim_variance_is_a_product_of_cosines(end):
    """F1: V = (eig + sigma_N^2) prod cos^2(theta_i - theta_{i+1}), any grid, to 1e-13."""
    rng, eig = np.random.default_rng(0), np.geomspace(1e3, 1e-5, 9)
    sigmas = np.sort(np.exp(rng.uniform(-7, 5, 40)))[::-1]
    sigmas = np.append(sigmas, 0.0) if end == "zero" else sigmas
    theta = np.arctan(sigmas[:, None] / np.sqrt(eig))
    wish = (eig + sigmas[-1] ** 2) * np.prod(np.cos(np.diff(theta, axis=0)) ** 2, axis=0)
    data = Spectrum.create(eig)
    for solver in ("ddim", "euler"):
        task = Problem.create(data, VE, make(solver), len(sigmas) - 1, sigmas[0], 1e-4)
        result = evaluate(task, Grid.create(VE, sigmas))
        np.testing.assert_allclose(result.variance, wish, rtol=1e-13)


@pytest.mark.parametrize("eig", [0.3, 2.0])
@pytest.mark.parametrize(
    ("solver", "clock", "variable"),
    [
        ("euler_ancestral", None, lambda s, eig: np.log1p(eig / s**2)),
        ("euler_maruyama", "variance", lambda s, eig: np.log(eig + s**2)),
    ],
)
def test_one_eigenvalue_stochastic_optima(solver, clock, variable, eig):
    """F2: path KL of the ancestral sampler is least uniform in log(1 + eig/sigma^2), of EM in log(eig + sigma^2)."""
    task = problem(Spectrum.create([eig]), solver, 7, 9.0, 0.05, "sigma_min", clock=clock)
    found = optimize(task, OBJECTIVES["path_kl"](), eta=1.0)
    assert found.converged
    assert uniformity(found.grid, lambda s: variable(s, eig)) < 1e-7


@pytest.mark.parametrize("objective", ["frechet", "robust", "kl"])
@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "ddpm"])
def test_two_steps_equal_brute_force(solver, objective):
    """One free point: a scan of its whole range, and a finer one around the best of it, find nothing lower."""
    task = problem(solver=solver, steps=2, high=20.0, low=0.01)
    thing = OBJECTIVES[objective]()
    prepared = thing.prepare(POWER)

    def value(sigma):
        return thing.value(run_table(task.solver, Grid.create(VE, [20.0, sigma, 0.0])), prepared, "exact")

    coarse = np.geomspace(0.0101, 19.9, 400)
    near = min(coarse, key=value)
    least = min(map(value, near * np.geomspace(0.98, 1.02, 40).clip(0.0101 / near, 19.9 / near)))
    found = value(optimize(task, thing).grid.sigmas[1])
    assert found <= least * (1 + 1e-6)
    assert found >= least * (1 - 1e-5)


def test_three_steps_equal_a_simplex_search_without_gradients():
    """Nelder-Mead from many starts, on the plain evaluation."""
    task = problem(solver="heun", steps=3, high=10.0, low=0.01)

    def loss(x):
        sigmas = np.append(10.0 * np.exp(-np.cumsum(np.append(0, np.exp(x)))), 0.0)
        if sigmas[2] < 0.0101:
            return 1e3
        return FRECHET.value(run_table(task.solver, Grid.create(VE, sigmas)), POWER, "exact")

    rng = np.random.default_rng(0)
    best = min(minimize(loss, rng.normal(0, 0.7, 2), method="Nelder-Mead", options={"xatol": 1e-8}).fun for _ in range(8))
    found = optimize(task, FRECHET)
    assert evaluate(task, found.grid).frechet <= best * (1 + 1e-6)


# --- promises -------------------------------------------------------------------------------------


@settings(max_examples=12)
@given(
    eig=st.lists(st.floats(1e-3, 1e2), min_size=1, max_size=4, unique=True),
    solver=st.sampled_from([name for name, cls in SOLVERS.items() if not cls.needs_data]),
    process=st.sampled_from(list(EXAMPLES)),
    objective=st.sampled_from(["frechet", "robust", "kl_discretization"]),
    end=st.sampled_from(["zero", "sigma_min"]),
    steps=st.integers(1, 5),
)
def test_never_worse_than_any_named_schedule(eig, solver, process, objective, end, steps):
    data, thing = Spectrum.create(eig), OBJECTIVES[objective]()
    clock = "sigma" if SOLVERS[solver].uses_clock else None
    task = Problem.create(data, EXAMPLES[process], make(solver, clock), steps, 9.0, 0.05, end)
    found = optimize(task, thing)
    prepared = thing.prepare(data)
    value = thing.value(run_table(task.solver, found.grid, found.eta), prepared, "exact")
    # Grids of other schemes are held against the schedules that are printed beside a result.
    grids = applicable(task, BASELINES if SOLVERS[solver].grid_solvers and objective == "robust" else None)
    assert grids
    for name, grid in grids.items():
        other = thing.value(run_table(task.solver, grid), prepared, "exact")
        assert value <= other * (1 + 1e-3) + 1e-12, name
    check_bounds(found, task)


def check_bounds(found, task):
    sigmas = found.grid.sigmas
    assert sigmas.size == task.steps + 1
    assert sigmas[0] == task.sigma_max
    assert np.all(sigmas[:-1] > sigmas[1:])
    assert sigmas[-1] == (0.0 if task.end == "zero" else task.sigma_min)
    positive = sigmas[sigmas > 0]
    assert positive[-1] >= task.sigma_min
    assert np.all(found.eta >= 0)


@pytest.mark.parametrize("solver", [name for name, cls in SOLVERS.items() if not cls.grid_solvers])
def test_every_solver_is_optimized_on_the_default_objective(solver):
    """And the search leaves the named schedules behind."""
    task = problem(solver=solver, clock="sigma" if SOLVERS[solver].uses_clock else None)
    found = optimize(task, OBJECTIVES["robust"]())
    check_bounds(found, task)
    assert found.converged
    assert found.value <= min(found.scores.values()) * (1 + 1e-12)
    assert found.starts == len([v for v in found.scores.values() if np.isfinite(v)])
    assert found.evaluations > found.starts


def test_the_value_is_the_one_of_the_full_spectrum_to_the_accuracy_of_the_compression():
    data = Spectrum.create(4.0 * np.arange(1, 3001.0) ** -1.3)
    task = problem(data, "heun", 8)
    found = optimize(task, FRECHET)
    assert found.value == pytest.approx(evaluate(task, found.grid).frechet, rel=1e-4)


def test_the_same_question_gets_the_same_answer():
    task = problem(solver="dpmpp_2m", steps=5)
    a, b = (optimize(task, OBJECTIVES["robust"]()) for _ in range(2))
    np.testing.assert_array_equal(a.grid.sigmas, b.grid.sigmas)
    assert (a.value, a.evaluations, a.message) == (b.value, b.evaluations, b.message)


@pytest.mark.parametrize("end", ["zero", "sigma_min"])
@pytest.mark.parametrize("free_top", [False, True])
def test_many_grids_are_placed_as_each_alone(free_top, end):
    block = GridBlock(problem(steps=6, end=end), free_top)
    low, high = np.array(block.bounds).T
    xs = np.random.default_rng(0).uniform(np.maximum(low, -5), np.minimum(high, 5), (40, low.size))
    start = Search(problem(steps=6, end=end), FRECHET, ["grid"]).starts()["karras"]
    for x, placed in zip(xs, block.place_all(xs, start), strict=True):
        np.testing.assert_array_equal(placed.sigma, block.place(x, start).sigma)
        assert placed.sigma[0] == (np.exp(x[-1]) if free_top else 80.0) and placed.solver is start.solver


def test_more_steps_are_never_worse():
    values = [optimize(problem(steps=n), FRECHET).value for n in (2, 3, 5, 8)]
    assert values == sorted(values, reverse=True)


def test_one_step_has_nothing_to_move():
    found = optimize(problem(steps=1), FRECHET)
    np.testing.assert_array_equal(found.grid.sigmas, [80.0, 0.0])
    assert found.converged
    assert "nothing to optimize" in found.message


def test_flow_from_pure_noise():
    task = Problem.create(POWER, EXAMPLES["flow"], make("euler"), 6)
    assert task.sigma_max == math.inf
    found = optimize(task, FRECHET)
    assert np.isinf(found.grid.sigmas[0])
    assert found.grid.times[0] == 1.0
    check_bounds(found, task)
    # The VE problem from a huge sigma is the same problem.
    far = optimize(problem(high=1e6), FRECHET)
    assert found.value == pytest.approx(far.value, rel=1e-3)


def test_table_process_stays_inside_the_table():
    table = EXAMPLES["table"]
    task = Problem.create(POWER, table, make("dpmpp_2m"), 8)
    high, low = table.sigma_limits
    assert (task.sigma_max, task.sigma_min) == (high, low)
    found = optimize(task, OBJECTIVES["robust"]())
    check_bounds(found, task)
    steps = found.grid.timesteps
    assert np.all(np.diff(steps) < 0)
    assert steps[0] == pytest.approx(999, abs=1e-6)
    assert steps[-1] >= -1e-9


def test_free_eta_is_at_least_as_good_as_every_fixed_one():
    """One free number: a scan finds nothing lower; per step is at least as good as shared; grid and eta together best."""
    task = problem(solver="ddim", steps=5)
    karras = SCHEDULES["karras"]().grid(task.span)
    scan = min(evaluate(task, karras, eta).frechet for eta in np.linspace(0, 1.2, 121))
    shared = optimize(task, FRECHET, ["eta"], eta=0.5)
    np.testing.assert_allclose(shared.grid.sigmas, karras.sigmas, rtol=1e-14)
    assert len(set(shared.eta)) == 1
    assert evaluate(task, shared.grid, shared.eta).frechet <= scan * (1 + 1e-6)
    single = optimize(task, FRECHET, ["eta_per_step"], eta=0.5)
    both = optimize(task, FRECHET, ["grid", "eta_per_step"], eta=0.5)
    assert both.value <= single.value * (1 + 1e-6) <= shared.value * (1 + 2e-6)
    for found in (shared, single, both):
        check_bounds(found, task)


def test_free_family_beats_a_scan_of_rho():
    task = problem(solver="heun", steps=6)
    found = optimize(task, FRECHET, ["family"], schedule=SCHEDULES["karras"]())
    scan = []
    for rho in np.geomspace(1, 30, 60):
        grid = SCHEDULES["karras"](rho=rho).grid(task.span)
        scan.append(evaluate(task, grid).frechet)
    assert found.value <= min(scan) * (1 + 1e-5)
    assert set(found.family) == {"rho", "sigma_min"}
    assert found.family["sigma_min"] >= task.sigma_min
    check_bounds(found, task)
    rebuilt = Problem.create(POWER, VE, task.solver, 6, 80.0, found.family["sigma_min"])
    again = SCHEDULES["karras"](rho=found.family["rho"]).grid(rebuilt.span)
    np.testing.assert_allclose(found.grid.sigmas, again.sigmas, rtol=1e-9)


def test_free_family_of_the_process_and_of_the_churn():
    vp = Problem.create(POWER, EXAMPLES["vp_linear"], make("euler", "time"), 6, 50.0, 0.01)
    found = optimize(vp, FRECHET, ["family"], schedule=SCHEDULES["uniform_t"]())
    assert {"beta_min", "beta_max"} <= set(found.family)
    assert found.process.beta_max == pytest.approx(found.family["beta_max"])
    assert found.value <= found.scores["uniform_t"]
    churn = optimize(problem(solver="edm_stochastic"), FRECHET, ["family"], schedule=SCHEDULES["karras"]())
    assert churn.solver.s_churn == pytest.approx(churn.family["s_churn"])


def test_an_unfinished_search_says_so(monkeypatch):
    """Three evaluations are not enough, and the result does not claim otherwise."""
    monkeypatch.setattr(optimize_module, "BUDGET", 3)
    found = optimize(problem(solver="heun", steps=12), OBJECTIVES["robust"](), searches=1)
    assert not found.converged
    assert "3 evaluations" in found.message
    assert found.value <= min(found.scores.values()) * (1 + 1e-12)


def test_progress_reports_a_falling_best():
    seen = []
    optimize(problem(), FRECHET, progress=lambda count, best: seen.append((count, best)))
    counts, best = zip(*seen, strict=True)
    assert list(counts) == sorted(counts)
    assert list(best) == sorted(best, reverse=True)


@pytest.mark.parametrize(
    ("free", "word"),
    [(["sigma"], "unknown"), ([], "nothing is free"), (["eta", "eta_per_step"], "choose one")],
)
def test_bad_free_variables(free, word):
    with pytest.raises(InputError, match=word):
        optimize(problem(solver="ddim"), FRECHET, free)


def test_eta_of_a_solver_without_noise_cannot_be_free():
    with pytest.raises(InputError, match="injects no noise"):
        optimize(problem(solver="heun"), FRECHET, ["eta"])


def test_an_infinite_objective_is_an_explained_error():
    data = Spectrum.create([1.0, 0.0])
    with pytest.raises(UnsupportedError, match="finite"):
        optimize(problem(data, solver="ddpm", end="sigma_min"), OBJECTIVES["kl"]())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"steps": 0}, "steps"),
        ({"high": 1.0, "low": 2.0}, "sigma-max"),
        ({"high": math.inf}, "pure noise"),
        ({"high": 1e9, "process": EXAMPLES["vp_linear"]}, "largest"),
        ({"low": 1e-4, "high": 10.0, "process": EXAMPLES["table"]}, "smallest"),
        ({"end": "middle"}, "end"),
        ({"start": "cold"}, "start"),
    ],
)
def test_problems_that_make_no_sense(changes, word):
    with pytest.raises(InputError, match=word):
        problem(**changes)


def test_starts_under_two_names_are_searched_from_once() -> None:
    """polyexponential with its own exponent of 1 is exponential: neither scored nor searched from twice."""
    task, robust = problem(steps=6), OBJECTIVES["robust"]()
    one, both = (optimize(task, robust, starts=names) for names in (["exponential"], ["exponential", "polyexponential"]))
    assert one.evaluations == both.evaluations and one.value == both.value
