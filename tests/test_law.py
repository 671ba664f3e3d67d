"""The exact law against dense matrices, 50-digit recursions and simulation; start laws; triangle inequality."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from dense import output_law, rotated, wasserstein
from hypothesis import given
from hypothesis import strategies as st
from problems import EXAMPLES, NO_STEP_TO_ZERO, TABLED, grid_for, irregular, make, solver_cases, spectrum

from diffopt.data.spectrum import Spectrum
from diffopt.law.law import Law
from diffopt.law.start import STARTS
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.solvers import run_table
from diffopt.solvers.loop import sample


@pytest.mark.parametrize(("name", "process", "clock"), solver_cases())
def test_law_equals_dense_matrix_products(name, process, clock):
    """Variances and means of a rotated Gaussian, all start laws, both ends; nothing off the diagonal."""
    eig, mean = np.array([20.0, 1.5, 0.3]), np.array([1.0, -0.6, 0.4])
    covariance, mu, rotation = rotated(eig, mean)
    data = Spectrum.create(eig, None, mean)
    for end in ("sigma_min",) if clock in NO_STEP_TO_ZERO else ("zero", "sigma_min"):
        table = run_table(make(name, clock), grid_for(EXAMPLES[process], 5, end))
        for start in STARTS:
            law = Law(table, data, start)
            m, c = output_law(table, covariance, mu, start)
            np.testing.assert_allclose(rotation.T @ c @ rotation, np.diag(law.variance), rtol=1e-10, atol=1e-11)
            got = law.mean_gap * mean + table.alpha[-1] * mean
            np.testing.assert_allclose(rotation.T @ m, got, rtol=1e-10, atol=1e-11)


def _mp_grid(steps, end):
    return [mp.mpf(float(s)) for s in irregular(steps, end, high=80.0, low=0.002)]


def _mp_gain(eig, sigma):
    return eig / (eig + sigma**2)


def mp_euler(eig, sigmas, eta):
    factor = mp.mpf(1)
    for a, b in zip(sigmas[:-1], sigmas[1:], strict=True):
        factor *= (eig + a * b) / (eig + a**2)
    return factor**2 * (eig + sigmas[0] ** 2)


def mp_heun(eig, sigmas, eta):
    x = mp.mpf(1)
    for a, b in zip(sigmas[:-1], sigmas[1:], strict=True):
        d = x * a / (eig + a**2)
        y = x + (b - a) * d
        x = y if b == 0 else x + (b - a) * (d + y * b / (eig + b**2)) / 2
    return x**2 * (eig + sigmas[0] ** 2)


def mp_dpmpp_2m(eig, sigmas, eta):
    x, old, h_old = mp.mpf(1), None, None
    for a, b in zip(sigmas[:-1], sigmas[1:], strict=True):
        new = _mp_gain(eig, a) * x
        if b == 0:
            x = new
            continue
        h = mp.log(a / b)
        mixed = new if old is None else new + (new - old) * h / (2 * h_old)
        x = b / a * x + (1 - b / a) * mixed
        old, h_old = new, h
    return x**2 * (eig + sigmas[0] ** 2)


def mp_euler_ancestral(eig, sigmas, eta):
    v = eig + sigmas[0] ** 2
    for a, b in zip(sigmas[:-1], sigmas[1:], strict=True):
        up = eta * b * mp.sqrt(1 - (b / a) ** 2)
        down = mp.sqrt(b**2 - up**2)
        gain = _mp_gain(eig, a)
        v = (gain + down / a * (1 - gain)) ** 2 * v + up**2
    return v


def mp_dpmpp_2m_sde(eig, sigmas, eta):
    """Second moments of (x, D_old) jointly."""
    xx, xd, dd, h_old = eig + sigmas[0] ** 2, mp.mpf(0), mp.mpf(0), None
    for a, b in zip(sigmas[:-1], sigmas[1:], strict=True):
        gain = _mp_gain(eig, a)
        if b == 0:
            xx = gain**2 * xx
            continue
        h = mp.log(a / b)
        keep = (b / a) ** (1 + eta)
        slope = 0 if h_old is None else (1 - keep) * h / (2 * h_old)
        on_x, on_old = keep + (1 - keep + slope) * gain, -slope
        new = on_x**2 * xx + 2 * on_x * on_old * xd + on_old**2 * dd + b**2 * (1 - (b / a) ** (2 * eta))
        xx, xd, dd, h_old = new, gain * (on_x * xx + on_old * xd), gain**2 * xx, h
    return xx


RECURSIONS = {
    "euler": mp_euler,
    "ddim": mp_euler_ancestral,
    "heun": mp_heun,
    "dpmpp_2m": mp_dpmpp_2m,
    "euler_ancestral": mp_euler_ancestral,
    "ddpm": mp_euler_ancestral,
    "dpmpp_2m_sde": mp_dpmpp_2m_sde,
}


@pytest.mark.parametrize("end", ["zero", "sigma_min"])
@pytest.mark.parametrize("name", list(RECURSIONS))
def test_law_equals_50_digit_recursions(name, end):
    """sigma 80 to 0.002, eigenvalues over 12 decades, 20 steps: relative 1e-12."""
    eig = np.geomspace(1e4, 1e-8, 7)
    sigmas = irregular(20, end, high=80.0, low=0.002)
    law = Law(run_table(make(name, "sigma" if TABLED[name].uses_clock else None), Grid.create(EXAMPLES["ve"], sigmas)),
              Spectrum.create(eig), "exact")  # fmt: skip
    with mp.workdps(50):
        eta = mp.mpf(TABLED[name].default_eta)
        wish = [float(RECURSIONS[name](mp.mpf(float(e)), _mp_grid(20, end), eta)) for e in eig]
    np.testing.assert_allclose(law.variance, wish, rtol=2e-12)


@pytest.mark.parametrize("name", list(TABLED))
def test_law_equals_simulation(name):
    """200,000 runs with a fixed seed: variances and means within 4.5 standard errors."""
    count, rng, mu = 200_000, np.random.default_rng(11), np.array([1.0, -0.5])
    data = Spectrum.create([2.0, 0.1], None, mu)
    clock = "sigma" if TABLED[name].uses_clock else None
    table = run_table(make(name, clock), grid_for(EXAMPLES["vp_linear"], 5))
    v = table.alpha[0] ** 2 * data.eig + table.level[0] ** 2

    def denoiser(z, alpha, noise):
        return mu + alpha * data.eig / (alpha**2 * data.eig + noise**2) * (z - alpha * mu)

    start = table.alpha[0] * mu + np.sqrt(v) * rng.standard_normal((count, 2))
    out = sample(table, denoiser, start, rng)
    law = Law(table, data, "exact")
    np.testing.assert_allclose(out.var(axis=0), law.variance, rtol=4.5 * np.sqrt(2 / count))
    expected = mu * (table.alpha[-1] + law.mean_gap)
    np.testing.assert_allclose(out.mean(axis=0), expected, atol=4.5 * float(np.sqrt(law.variance.max() / count)))


@pytest.mark.parametrize("process", list(EXAMPLES))
def test_start_laws(process):
    """Exact marginal, N(0, sigma_max^2), N(0, 1 + sigma_max^2), in the coordinates of the process."""
    data = spectrum()
    grid = grid_for(EXAMPLES[process], 2)
    table = run_table(make("ddim"), grid)
    from diffopt.law.start import start_variance

    top = grid.sigmas[0]
    square = 1.0 if process == "ve" else (1 / (1 + top) ** 2 if process == "flow" else 1 / (1 + top**2))
    wish = {"exact": data.eig + top**2, "sigma": 0 * data.eig + top**2, "unit": 0 * data.eig + 1 + top**2}
    assert set(wish) == set(STARTS)
    for start in STARTS:
        np.testing.assert_allclose(start_variance(table, data.eig, start), square * wish[start], rtol=1e-12)


spectra = st.lists(st.floats(1e-4, 1e2), min_size=1, max_size=5, unique=True)


@given(
    eig=spectra,
    name=st.sampled_from(list(TABLED)),
    process=st.sampled_from(list(EXAMPLES)),
    start=st.sampled_from(STARTS),
    end=st.sampled_from(["zero", "sigma_min"]),
    steps=st.integers(1, 6),
    seed=st.integers(0, 5),
)
def test_three_errors_bound_the_whole(eig, name, process, start, end, steps, seed):
    """frechet <= initialization + discretization + truncation, and each is 0 where it must be."""
    if TABLED[name].uses_clock and process == "vp_linear":
        name = "euler"
    data = Spectrum.create(eig, None, np.linspace(1, -1, len(eig)))
    problem = Problem.create(data, EXAMPLES[process], make(name, "sigma" if TABLED[name].uses_clock else None),
                             steps, 9.0, 0.08, end, start)  # fmt: skip
    grid = grid_for(EXAMPLES[process], steps, end, seed)
    result = evaluate(problem, grid)
    parts = (result.initialization, result.discretization, result.truncation)
    assert result.frechet <= sum(parts) * (1 + 1e-9) + 1e-12
    assert (result.initialization == 0) == (start == "exact")
    assert (result.truncation == 0) == (end == "zero")


def test_split_against_dense_matrices():
    """Each of the three parts by matrix square roots on a rotated Gaussian, flow process, grid that stops early."""
    eig, mean = np.array([9.0, 1.0, 0.2]), np.array([0.5, -1.0, 0.3])
    covariance, mu, _ = rotated(eig, mean, seed=4)
    data, flow = Spectrum.create(eig, None, mean), EXAMPLES["flow"]
    problem = Problem.create(data, flow, make("dpmpp_2m_sde"), 4, 9.0, 0.08, "sigma_min", "unit")
    grid = grid_for(flow, 4, "sigma_min")
    result = evaluate(problem, grid)
    table = run_table(problem.solver, grid)
    a, n = table.alpha[-1], table.level[-1]
    real, exact = output_law(table, covariance, mu, "unit"), output_law(table, covariance, mu, "exact")
    marginal = (a * mu, a**2 * covariance + n**2 * np.eye(3))
    assert result.initialization == pytest.approx(wasserstein(*real, *exact), rel=1e-7)
    assert result.discretization == pytest.approx(wasserstein(*exact, *marginal), rel=1e-7)
    assert result.truncation == pytest.approx(wasserstein(*marginal, mu, covariance), rel=1e-7)
    assert result.frechet == pytest.approx(wasserstein(*real, mu, covariance), rel=1e-7)
    assert result.denoiser_calls == 4


def test_blocks_of_a_large_spectrum_add_up():
    """Scoring runs in blocks; 20,001 eigenvalues give the same as the sum of their groups."""
    eig = np.repeat([4.0, 1.0, 0.1], 6667)
    problem = Problem.create(Spectrum.create(eig), EXAMPLES["ve"], make("heun"), 5, 9.0, 0.08)
    short = Problem.create(Spectrum.create([4.0, 1.0, 0.1], [6667.0] * 3), EXAMPLES["ve"], make("heun"), 5, 9.0, 0.08)
    grid = grid_for(EXAMPLES["ve"], 5)
    a, b = evaluate(problem, grid), evaluate(short, grid)
    for name in ("frechet", "kl", "robust", "initialization", "discretization", "kl_discretization"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-9)
    assert a.variance.shape == (20001,)
