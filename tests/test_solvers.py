"""Every solver of the table: the published loop, its order, its memory, its cost, its mean, its scaling."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import FACTS, ORACLES, Mixture, Replay, Run
from problems import CLOCK_NAMES, EXAMPLES, NO_STEP_TO_ZERO, TABLED, grid_for, irregular, make, solver_cases, spectrum

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.law.law import Law
from diffopt.processes import PROCESSES
from diffopt.processes.clocks import CLOCKS
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.solvers import run_table
from diffopt.solvers.base import build_table
from diffopt.solvers.loop import sample

CHURN = {"s_churn": 2.0, "s_tmin": 0.15, "s_tmax": 5.0, "s_noise": 1.02}
#: etas tried: none, less than the default, the default, one at which ancestral noise is capped.
ETAS = (0.0, 0.4, 1.0, 1.7)


def options(name):
    return CHURN if name == "edm_stochastic" else {}


def etas_of(name):
    if TABLED[name].eta_meaning is None:
        return (0.0,)
    if name == "ddpm":
        return (1.0,)
    return tuple(e for e in ETAS if name != "ddim" or e <= 1)


def has_step_to_zero(clock):
    return clock not in NO_STEP_TO_ZERO


def test_every_solver_has_an_oracle_and_every_process_its_facts():
    missing = set(TABLED) - set(ORACLES)
    assert not missing, f"{missing}: write the published loop in tests/solver_oracles.py and name it in SOLVER_ORACLES"
    assert set(ORACLES) == set(TABLED)
    assert set(FACTS) == set(EXAMPLES) == set(PROCESSES)
    assert set(CLOCK_NAMES) == set(CLOCKS)
    assert {name for name, cls in TABLED.items() if cls.name == name} == set(TABLED)


def run_both(name, process, clock, sigmas, eta):
    """Final states of the table and of the published loop with the same start and the same noise."""
    target, facts = Mixture(), FACTS[process]
    rng = np.random.default_rng(3)
    grid = Grid.create(EXAMPLES[process], sigmas)
    table = run_table(make(name, clock, **options(name)), grid, np.full(grid.steps, eta) if eta is not None else None)
    x = rng.normal(size=(40, 2)) * sigmas[0]
    noises = [[rng.normal(size=x.shape) for _ in range(max(table.sources, 2))] for _ in range(grid.steps)]
    z = sample(table, target.denoise, x * table.alpha[0], Replay(noises, table.sources), target.score)
    run = Run(target, facts, list(sigmas), [eta or 0.0] * grid.steps, noises, clock, options(name))
    return z / table.alpha[-1], ORACLES[name](run, x)


@pytest.mark.parametrize(("name", "process", "clock"), solver_cases())
def test_table_equals_the_published_loop(name, process, clock):
    """Six steps, to 0 and to sigma_min, every eta, a non-linear denoiser.

    Eqs. (123), (124), (125) and (126) are those of `dpm_2`, its ancestral form, `dpmpp_2s_ancestral`, `dpmpp_3m_sde`.
    """
    for end in ("zero", "sigma_min") if has_step_to_zero(clock) else ("sigma_min",):
        for eta in etas_of(name):
            got, wish = run_both(name, process, clock, irregular(6, end), eta)
            np.testing.assert_allclose(got, wish, rtol=1e-12, atol=1e-12, err_msg=f"end {end}, eta {eta}")


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 16, 17])
@pytest.mark.parametrize("name", list(TABLED))
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
def test_table_equals_the_published_loop_at_any_length(name, steps, end):
    """Short runs never leave the start-up steps; 15 steps and more change the end of dpmpp_3m."""
    clock = "sigma" if TABLED[name].uses_clock else None
    eta = None if TABLED[name].eta_meaning is None else 1.0
    sigmas = irregular(steps, end, seed=steps)
    got, wish = run_both(name, "ve", clock, sigmas, eta)
    np.testing.assert_allclose(got, wish, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["ddim", "ddpm"])
def test_ancestral_family_agrees_on_eta(name):
    """Three names share one recurrence and mean the same eta by it."""
    sigmas = irregular(5)
    for eta in (0.0, 0.3, 1.0):
        a = run_table(make(name), Grid.create(EXAMPLES["ve"], sigmas), eta)
        b = run_table(make("euler_ancestral"), Grid.create(EXAMPLES["ve"], sigmas), eta)
        np.testing.assert_array_equal(a.noise, b.noise)
        np.testing.assert_array_equal(a.state, b.state)


def test_flow_from_pure_noise_equals_the_flow_loop():
    """y' = y + (s' - s)(y - D)/s from s = 1, where the noise ratio is infinite."""
    target, s = Mixture(), np.array([1.0, 0.8, 0.55, 0.3, 0.1, 0.0])
    with np.errstate(divide="ignore"):
        sigmas = s / (1 - s)
    y = start = np.random.default_rng(0).normal(size=(30, 2))
    for now, after in zip(s[:-1], s[1:], strict=True):
        y = y + (after - now) * (y - target.denoise(y, 1 - now, now)) / now
    for solver in (make("euler"), make("euler", "time"), make("euler", "sigma"), make("ddim")):
        table = run_table(solver, Grid.create(EXAMPLES["flow"], sigmas))
        np.testing.assert_allclose(sample(table, target.denoise, start), y, rtol=1e-12, atol=1e-13)


def test_flow_heun_from_pure_noise():
    """Trapezoidal rule for the straight-path velocity, the first stage at s = 1."""
    target, s = Mixture(), np.array([1.0, 0.7, 0.35, 0.08])
    with np.errstate(divide="ignore"):
        sigmas = s / (1 - s)

    def velocity(y, t):
        return (y - target.denoise(y, 1 - t, t)) / t

    y = start = np.random.default_rng(0).normal(size=(30, 2))
    for now, after in zip(s[:-1], s[1:], strict=True):
        first = velocity(y, now)
        y = y + (after - now) * (first + velocity(y + (after - now) * first, after)) / 2
    table = run_table(make("heun"), Grid.create(EXAMPLES["flow"], sigmas))
    np.testing.assert_allclose(sample(table, target.denoise, start), y, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["dpmpp_2m", "dpmpp_3m", "unipc", "dpmpp_2m_sde", "euler_ancestral", "ddpm"])
def test_pure_noise_is_the_limit_of_a_large_sigma(name):
    """Tables at sigma = infinity against sigma = 1e8: the step's limit, not a special case."""
    flow, tail = EXAMPLES["flow"], [3.0, 1.0, 0.3, 0.1, 0.0]
    solver = make(name)
    pure = run_table(solver, Grid.create(flow, [np.inf, *tail]))
    far = run_table(solver, Grid.create(flow, [1e8, *tail]))
    # A slope over the first (unbounded) step fades like 1/log sigma; by definition it has no weight in the limit.
    order_one = [0] if solver.memory else [0, 1]
    for k in order_one:
        for a, b in ((pure.state, far.state), (pure.denoised, far.denoised), (pure.noise, far.noise)):
            np.testing.assert_allclose(a[k], b[k], atol=1e-7)
    z = np.random.default_rng(0).normal(size=(20, 2))
    out = sample(pure, Mixture().denoise, z, np.random.default_rng(1))
    assert np.all(np.isfinite(out))


@pytest.mark.parametrize("name", ["edm_stochastic", "dpmpp_sde"])
def test_schemes_without_a_first_step_from_pure_noise_say_so(name):
    with pytest.raises(UnsupportedError, match="pure noise"):
        run_table(make(name), Grid.create(EXAMPLES["flow"], [np.inf, 3.0, 1.0, 0.0]))


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if c.uses_clock])
def test_the_logsnr_clock_cannot_reach_the_data(name):
    with pytest.raises(UnsupportedError, match="sigma = 0"):
        run_table(make(name, "logsnr"), grid_for(EXAMPLES["ve"], 4))


# --- orders ---------------------------------------------------------------------------------------


def law_error(solver, process, steps):
    """Largest relative error of the variances (and of the mean) against the exact marginal."""
    data = Spectrum.create([2.0, 0.4, 0.05], None, [0.4, 0.2, 0.1])
    sigmas = np.geomspace(3.0, 0.2, steps + 1)
    table = run_table(solver, Grid.create(process, sigmas))
    law = Law(table, data, "exact")
    exact = table.alpha[-1] ** 2 * data.eig + table.level[-1] ** 2
    return max(np.abs(law.variance / exact - 1).max(), np.abs(law.mean_gap).max())


@pytest.mark.parametrize(("name", "process", "clock"), solver_cases())
def test_declared_order_is_the_observed_one(name, process, clock):
    """Slope between 160 and 320 steps (40 and 80 for fourth order: rounding is near; later with a long start-up)."""
    solver = make(name, clock)
    coarse = 40 if solver.law_order > 2 else 320 if solver.memory > 2 else 160
    errors = [law_error(solver, EXAMPLES[process], n) for n in (coarse, 2 * coarse)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(solver.law_order, abs=0.12)


# --- memory, calls, mean, scaling -------------------------------------------------------------------


def dependent_steps(solver, process, sigmas, point):
    """Steps whose coefficients (or node levels) change with one grid point."""
    eta = np.full(len(sigmas) - 1, solver.default_eta, complex)
    moved = sigmas.astype(complex)
    moved[point] *= 1 + 1e-30j
    table = build_table(solver, Points.create(process, moved), eta)
    parts = [np.abs(a.imag).reshape(table.steps, -1) for a in (table.state, table.denoised, table.score, table.noise)]
    return {int(k) for part in parts for k in np.flatnonzero(part.max(axis=1, initial=0.0) > 0)}


@pytest.mark.parametrize(("name", "process", "clock"), solver_cases())
def test_declared_memory_is_what_rows_depend_on(name, process, clock):
    """Point i reaches steps i - 1 .. i + memory, and the last of them really."""
    solver = make(name, clock)
    end = "zero" if has_step_to_zero(clock) else "sigma_min"
    for steps in (8, 16):
        sigmas = irregular(steps, end)
        reach = [dependent_steps(solver, EXAMPLES[process], sigmas, i) for i in range(steps)]
        for i, seen in enumerate(reach):
            assert seen <= set(range(i - 1, i + solver.memory + 1)), f"point {i} of {steps}"
        # Point 3: past the start-up, before the lowered orders at the end of a short run.
        # In log sigma slopes (x - D) do not know their level, so constant weights forget it.
        assert 3 + solver.memory in reach[3] or (name, clock) == ("ipndm", "logsnr")


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("name", list(TABLED))
def test_calls_are_counted_and_as_the_cost_says(name, steps):
    """Distinct states at which the model is run on the way to sigma = 0."""
    clock = "sigma" if TABLED[name].uses_clock else None
    table = run_table(make(name, clock), Grid.create(EXAMPLES["ve"], irregular(steps)))
    calls = []

    def denoiser(z, alpha, noise):
        calls.append(noise)
        return Mixture().denoise(z, alpha, noise)

    sample(table, denoiser, np.ones((3, 2)), np.random.default_rng(0))
    assert len(calls) == table.calls == make(name, clock).calls(steps)


@pytest.mark.parametrize(("name", "process", "clock"), solver_cases())
def test_row_identity_keeps_the_mean_on_its_track(name, process, clock):
    """A constant denoiser mu keeps z = alpha mu; Runge-Kutta in the time of a VP process is the exception."""
    end = "zero" if has_step_to_zero(clock) else "sigma_min"
    table = run_table(make(name, clock), grid_for(EXAMPLES[process], 6, end))
    silent = Replay([[np.zeros(1)] * 2] * 6, table.sources)
    out = sample(table, lambda z, a, n: np.ones_like(z), table.alpha[:1].copy(), silent, lambda z, a, n: 0 * z)
    distorts = clock == "time" and process in ("vp_linear", "vp_cosine")
    gap = abs(out[0] - table.alpha[-1])
    assert gap > 1e-5 if distorts else gap < 1e-13


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if c.scale_free])
def test_scaling_covariance_on_ve(name):
    """eig times c^2 and sigma times c: every variance times c^2."""
    c, data = 3.7, spectrum()
    scaled = Spectrum.create(data.eig * c**2, data.weight)
    for clock in CLOCK_NAMES if TABLED[name].uses_clock else (None,):
        sigmas = irregular(7, "sigma_min")
        solver = make(name, clock)
        a = Law(run_table(solver, Grid.create(EXAMPLES["ve"], sigmas)), data, "exact").variance
        b = Law(run_table(solver, Grid.create(EXAMPLES["ve"], sigmas * c)), scaled, "exact").variance
        np.testing.assert_allclose(b, c**2 * a, rtol=1e-11)


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if not c.uses_clock and not c.sees_process])
def test_schemes_without_a_clock_do_not_see_the_process(name):
    """Exponential schemes act on x = z/alpha: on every process the same numbers come out."""
    sigmas, data = irregular(7), spectrum()
    wish = Law(run_table(make(name), Grid.create(EXAMPLES["ve"], sigmas)), data, "exact").variance
    for process in EXAMPLES.values():
        got = Law(run_table(make(name), Grid.create(process, sigmas)), data, "exact").variance
        np.testing.assert_allclose(got, wish, rtol=1e-10)


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if c.lands_on_data])
def test_the_last_step_to_zero_lands_on_the_denoiser(name):
    """Data concentrated in a point: the output is that point, whatever the noise."""
    clock = "sigma" if TABLED[name].uses_clock else None
    table = run_table(make(name, clock), grid_for(EXAMPLES["ve"], 5), None)
    rng = np.random.default_rng(0)
    start = 0.7 + 9.0 * rng.normal(size=(50,))
    out = sample(table, lambda z, a, n: np.full_like(z, 0.7), start, rng)
    np.testing.assert_allclose(out, 0.7, atol=1e-12)
