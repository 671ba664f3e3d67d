"""Every solver of the table: the published loop, its order, its memory, its cost, its mean, its scaling."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import FACTS, ORACLES, Mixture, Replay, Run
from problems import CLOCK_NAMES, EXAMPLES, TABLED, grid_for, has_step_to_zero, irregular, make, solver_cases, spectrum, where

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


def test_every_solver_has_an_oracle_and_every_process_its_facts():
    missing, unknown = sorted(set(TABLED) - set(ORACLES)), sorted(set(ORACLES) - set(TABLED))
    assert not missing, f"tests/solver_oracles.py: write the published loop of {missing[0]} as a function {missing[0]}(run, x)"
    assert not unknown, f"tests have an oracle for {unknown[0]}; add its line to SOLVERS in diffopt/solvers/__init__.py"
    assert set(FACTS) == set(EXAMPLES) == set(PROCESSES), (
        f"EXAMPLES (tests/problems.py), FACTS (tests/oracles.py) and PROCESSES differ: {set(FACTS) ^ set(PROCESSES)}, "
        f"{set(EXAMPLES) ^ set(PROCESSES)}"
    )
    assert set(CLOCK_NAMES) == set(CLOCKS), f"tests/problems.py, CLOCK_NAMES: {set(CLOCK_NAMES) ^ set(CLOCKS)}"


class Watched(Mixture):
    """Data that remember at which levels they were asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def denoise(self, z, alpha, noise):
        self.asked.append(noise / alpha)
        return super().denoise(z, alpha, noise)

    def score(self, z, alpha, noise):
        self.asked.append(noise / alpha)
        return super().score(z, alpha, noise)


def run_both(name, process, clock, sigmas, eta):
    """Final states of the table and of the published loop with the same start and noise, and the levels that each asks."""
    if name not in ORACLES or process not in FACTS:
        pytest.skip(f"{name} on {process}: test_every_solver_has_an_oracle_and_every_process_its_facts says what to write")
    ours, theirs, facts = Watched(), Watched(), FACTS[process]
    rng = np.random.default_rng(3)
    grid = Grid.create(EXAMPLES[process], sigmas)
    table = run_table(make(name, clock, **options(name)), grid, np.full(grid.steps, eta) if eta is not None else None)
    x = rng.normal(size=(40, 2)) * sigmas[0]
    noises = [[rng.normal(size=x.shape) for _ in range(max(table.sources, 2))] for _ in range(grid.steps)]
    z = sample(table, ours.denoise, x * table.alpha[0], Replay(noises, table.sources), ours.score)
    run = Run(theirs, facts, list(sigmas), [eta or 0.0] * grid.steps, noises, clock, options(name))
    return z / table.alpha[-1], ORACLES[name](run, x), levels(ours.asked), levels(theirs.asked)


def levels(asked):
    """Distinct noise ratios, falling; a denoiser and a score at one level count once."""
    ordered = np.sort(np.array(asked, float))[::-1]
    return ordered[np.append(True, np.diff(ordered) < -1e-9 * ordered[:-1])]


def compare(name, process, clock, sigmas, eta, said):
    """Table and loop give the same numbers; if not, the first level at which they run the model differently is named."""
    got, wish, ours, theirs = run_both(name, process, clock, sigmas, eta)
    count = min(len(ours), len(theirs))
    apart = np.flatnonzero(~np.isclose(ours[:count], theirs[:count], rtol=1e-9))
    hint = "both run the model at the same noise levels, so coefficients differ (scales alpha, weights, lags)"
    if apart.size or len(ours) != len(theirs):
        at = apart[0] if apart.size else count
        first = [f"{v[at]:.6g}" if at < len(v) else "nowhere" for v in (ours, theirs)]
        hint = f"the table runs the model at sigma {first[0]} where the loop does at {first[1]}: see table.put_node, lags, stages"
        if first == ["0", "nowhere"]:
            hint = "the table runs the model once more, at sigma 0, where the loop does not: see the last step to the data"
    text = f"{where(name, process, clock)}: table (ACTUAL) and loop (DESIRED) differ; {said}, eta {eta}; {hint}"
    pair = f"{got.flat[0]:.10g} (ACTUAL), {wish.flat[0]:.10g} (DESIRED)"
    gap = f"largest difference {np.abs(got - wish).max():.3g}, first values {pair}"
    assert np.allclose(got, wish, rtol=1e-12, atol=1e-12), f"{text}; {gap}"


@pytest.mark.parametrize(("name", "process", "clock"), solver_cases())
def test_table_equals_the_published_loop(name, process, clock):
    """Six steps, to sigma_min and to 0, every eta, a non-linear denoiser.

    Eqs. (123), (124), (125) and (126) are those of `dpm_2`, its ancestral form, `dpmpp_2s_ancestral`, `dpmpp_3m_sde`.
    """
    for eta in etas_of(name):
        compare(name, process, clock, irregular(6, "sigma_min"), eta, "last step to sigma_min")
        if has_step_to_zero(clock):
            said = "only the last step to sigma = 0 is wrong, the run to sigma_min agrees"
            compare(name, process, clock, irregular(6, "zero"), eta, said)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 16, 17])
@pytest.mark.parametrize("name", list(TABLED))
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
def test_table_equals_the_published_loop_at_any_length(name, steps, end):
    """Short runs never leave the start-up steps; 15 steps and more change the end of dpmpp_3m."""
    clock = "sigma" if TABLED[name].uses_clock else None
    eta = None if TABLED[name].eta_meaning is None else 1.0
    sigmas = irregular(steps, end, seed=steps)
    compare(name, "ve", clock, sigmas, eta, f"{steps} steps, end {end}")


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


@pytest.mark.parametrize("sigmas", [(np.inf, 3.0, 1.0, 0.0), (np.inf, 3.0, 1.0, 0.2), (np.inf, 0.0)])
@pytest.mark.parametrize(("name", "process", "clock"), [c for c in solver_cases() if np.isinf(EXAMPLES[c[1]].default_sigma_max)])
def test_a_first_step_from_pure_noise_is_finite_or_refused(name, process, clock, sigmas):
    """Where a process starts at pure noise: a run of finite numbers, or the message that says what to do; no other error."""
    said = (
        f"{where(name, process, clock)}: the first step from pure noise is neither finite nor refused; guard divisors and "
        "logarithms with points.unbounded (docs/extending.md, A first step from pure noise)"
    )
    try:
        table = run_table(make(name, clock), Grid.create(EXAMPLES[process], sigmas))
    except UnsupportedError as refused:
        assert "pure noise" in str(refused) or "sigma = 0" in str(refused), said
        return
    except Exception as error:
        raise AssertionError(said) from error
    variance = Law(table, spectrum(), "exact").variance
    assert np.isfinite(variance).all(), said


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if c.uses_clock])
def test_the_logsnr_clock_cannot_reach_the_data(name):
    try:
        run_table(make(name, "logsnr"), grid_for(EXAMPLES["ve"], 4))
    except UnsupportedError as refused:
        assert "sigma = 0" in str(refused)
    else:
        pytest.fail(f"{name} says uses_clock, but reaches 0 in the logsnr clock: use self.clock_of(points.process), or say False")


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
    """Slope between 160 and 320 steps (40 and 80 for fourth order: rounding is near; later with a long start-up).

    Third order starts at 80: the constants of some clocks hide it at 40, rounding is near at 320.
    """
    solver = make(name, clock)
    coarse = {3: 80}.get(solver.law_order, 40) if solver.law_order > 2 else 320 if solver.memory > 2 else 160
    errors = [law_error(solver, EXAMPLES[process], n) for n in (coarse, 2 * coarse)]
    seen = np.log2(errors[0] / errors[1])
    assert seen == pytest.approx(solver.law_order, abs=0.12), (
        f"{where(name, process, clock)}: law_order says {solver.law_order}, observed {seen:.3f} between {coarse} and "
        f"{2 * coarse} steps; correct the class attribute or the formula"
    )


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
            assert seen <= set(range(i - 1, i + solver.memory + 1)), (
                f"{where(name, process, clock)}: memory says {solver.memory}, but grid point {i} of {steps} reaches the steps "
                f"{sorted(seen)}; correct the class attribute memory or the lags"
            )
        # Point 3: past the start-up, before the lowered orders at the end of a short run.
        # In log sigma slopes (x - D) do not know their level, so constant weights forget it.
        assert 3 + solver.memory in reach[3] or (name, clock) == ("ipndm", "logsnr"), (
            f"{where(name, process, clock)}: memory says {solver.memory}, but grid point 3 reaches only the steps "
            f"{sorted(reach[3])}; correct the class attribute memory"
        )


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
    said = make(name, clock).calls(steps)
    assert len(calls) == table.calls == said, (
        f"{name}: {steps} steps to 0 run the model {len(calls)} times (table.calls {table.calls}), its cost says {said}; correct "
        f"the class attributes stages ({TABLED[name].stages}), short_end ({TABLED[name].short_end}), or the coefficients: in the "
        "last step to 0 rows after the first only copy (state[..., row, 0] = 1, nothing else)"
    )


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
        said = f"{where(name, 've', clock)}: not covariant under scaling; correct the formula or say scale_free = False"
        np.testing.assert_allclose(b, c**2 * a, rtol=1e-11, err_msg=said)


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if not c.uses_clock and not c.sees_process])
def test_schemes_without_a_clock_do_not_see_the_process(name):
    """Exponential schemes act on x = z/alpha: on every process the same numbers come out."""
    sigmas, data = irregular(7), spectrum()
    wish = Law(run_table(make(name), Grid.create(EXAMPLES["ve"], sigmas)), data, "exact").variance
    for process in EXAMPLES.values():
        got = Law(run_table(make(name), Grid.create(process, sigmas)), data, "exact").variance
        said = f"{name} on {process.name}: not the numbers of ve; correct the scales alpha, or say uses_clock or sees_process"
        np.testing.assert_allclose(got, wish, rtol=1e-10, err_msg=said)


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if c.lands_on_data])
def test_the_last_step_to_zero_lands_on_the_denoiser(name):
    """Data concentrated in a point: the output is that point, whatever the noise."""
    clock = "sigma" if TABLED[name].uses_clock else None
    table = run_table(make(name, clock), grid_for(EXAMPLES["ve"], 5), None)
    rng = np.random.default_rng(0)
    start = 0.7 + 9.0 * rng.normal(size=(50,))
    out = sample(table, lambda z, a, n: np.full_like(z, 0.7), start, rng)
    said = f"{name}: a last step to 0 must return D without fresh noise; correct that step, or say lands_on_data = False"
    np.testing.assert_allclose(out, 0.7, atol=1e-12, err_msg=said)
