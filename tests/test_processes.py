"""Processes against their published formulas, numerical derivatives, mpmath, and their own inverses."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from oracles import FACTS
from problems import EXAMPLES

from diffopt.errors import InputError, UnsupportedError
from diffopt.processes import PROCESSES, TrainedLevels, VPLinear
from diffopt.processes.beta_rules import alphas_from_betas

SIGMAS = np.geomspace(0.05, 9.0, 23)
#: A table has no rates; its levels are tested by themselves.
CONTINUOUS = [name for name, p in EXAMPLES.items() if p.continuous]


@pytest.mark.parametrize("name", list(PROCESSES))
def test_time_and_sigma_are_inverse(name):
    process = EXAMPLES[name]
    low, high = (1e-5, 1e4) if name in ("ve", "flow") else (1e-5, 100.0)
    if name == "table":
        low, high = process.sigma_limits[1], process.sigma_limits[0]
    sigmas = np.geomspace(low, high, 60)
    np.testing.assert_allclose(process.sigma(process.time(sigmas)), sigmas, rtol=1e-9)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_levels_and_rates_as_published(name):
    """alpha, noise, f and g^2 against formulas that share no code; times by root finding."""
    process, facts = EXAMPLES[name], FACTS[name]
    times = process.time(SIGMAS)
    np.testing.assert_allclose(times, [facts.time(s) for s in SIGMAS], rtol=1e-9)
    for mine, theirs in (
        (process.alpha, facts.alpha), (process.noise, facts.noise),
        (process.drift, facts.drift), (process.diffusion, facts.diffusion),
    ):  # fmt: skip
        np.testing.assert_allclose(mine(times), [theirs(float(t)) for t in times], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(process.noise(times) / process.alpha(times), SIGMAS, rtol=1e-9)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_rates_are_the_derivatives_of_the_levels(name):
    """f = alpha'/alpha and g^2 = alpha^2 (sigma^2)' by complex steps (which also shows that both are analytic)."""
    process = EXAMPLES[name]
    times = process.time(SIGMAS)
    moved = times + 1e-30j
    slope = process.alpha(moved).imag / 1e-30
    np.testing.assert_allclose(process.drift(times), slope / process.alpha(times), rtol=1e-11, atol=1e-14)
    growth = (process.sigma(moved) ** 2).imag / 1e-30
    np.testing.assert_allclose(process.diffusion(times), process.alpha(times) ** 2 * growth, rtol=1e-10)


@pytest.mark.parametrize("name", list(PROCESSES))
def test_complex_steps_equal_differences(name):
    """Every elementwise function of a process accepts complex numbers and keeps their derivative."""
    process, h = EXAMPLES[name], 1e-6
    sigmas = SIGMAS[1:-1]
    times = process.time(sigmas)
    functions = [(process.time, sigmas), (process.sigma, times), (process.alpha, times), (process.noise, times)]
    functions.append((lambda s: process.score_integral(s, process.time(s)), sigmas))
    functions += [(lambda s, i=i: process.levels(s, process.time(s))[i], sigmas) for i in (0, 1)]
    if process.continuous:
        functions += [(process.drift, times), (process.diffusion, times)]
        functions += [(lambda t, i=i: process.reverse_rates(t, np.array(0.7))[i], times) for i in range(4)]
    for function, at in functions:
        slope = np.imag(function(at + 1e-30j)) / 1e-30
        wish = (function(at * (1 + h)) - function(at * (1 - h))) / (2 * h * at)
        np.testing.assert_allclose(slope, wish, rtol=2e-4 if name == "table" else 1e-6, atol=1e-7)


@pytest.mark.parametrize("name", list(PROCESSES))
def test_score_integral_against_quadrature(name):
    """Differences of the antiderivative equal the integral of alpha over sigma^2, 25 digits."""
    process, facts = EXAMPLES[name], FACTS[name]
    ends = np.array([4.0, 0.7, 0.1])
    values = process.score_integral(ends, process.time(ends))
    alpha = {"ve": lambda s: mp.mpf(1), "flow": lambda s: 1 / (1 + s)}.get(name, lambda s: 1 / mp.sqrt(1 + s**2))
    assert float(alpha(mp.mpf(0.7))) == pytest.approx(facts.alpha(facts.time(0.7)), rel=1e-9)
    with mp.workdps(25):
        for k in (0, 1):
            wish = mp.quad(lambda s: 2 * s * alpha(s), [float(ends[k + 1]), float(ends[k])])
            assert values[k] - values[k + 1] == pytest.approx(float(wish), rel=1e-12)


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_reverse_rates_are_the_reverse_sde(name, eta):
    """-f z + (1 + eta^2) g^2/2 S on Gaussian data, however it is split between state, denoiser and score."""
    process = EXAMPLES[name]
    t, eig, z = process.time(SIGMAS), 0.7, 1.3
    alpha, noise = process.alpha(t), process.noise(t)
    v = alpha**2 * eig + noise**2
    denoised, score = alpha * eig / v * z, -z / v
    a, b, c, rate = process.reverse_rates(t, np.array(eta))
    wish = -process.drift(t) * z + (1 + eta**2) / 2 * process.diffusion(t) * score
    np.testing.assert_allclose(a * z + b * denoised + c * score, wish, rtol=1e-9)
    np.testing.assert_allclose(rate, eta**2 * process.diffusion(t), rtol=1e-12)


def test_limits_and_pure_noise():
    vp = VPLinear(0.1, 20.0)
    assert vp.sigma_limits[0] == pytest.approx(float(mp.sqrt(mp.exp("10.05") - 1)), rel=1e-14)
    assert EXAMPLES["flow"].start_time() == 1.0
    assert np.isinf(EXAMPLES["ve"].start_time())
    np.testing.assert_allclose(EXAMPLES["vp_cosine"].alpha(np.array([0.0, 1.0])), [1.0, 0.0], atol=1e-15)


@pytest.mark.parametrize("sigma", [1e-12, 1e-8, 1e-4])
@pytest.mark.parametrize("name", ["vp_linear", "vp_cosine"])
def test_no_cancellation_near_the_data(name, sigma):
    """Small noise ratios survive the way to time and back at nearly full precision."""
    process = EXAMPLES[name]
    t = process.time(np.array([sigma]))
    assert process.noise(t)[0] / process.alpha(t)[0] == pytest.approx(sigma, rel=1e-10)


def test_table_knows_its_levels_by_index():
    """sigma_j = sqrt(1/abar_j - 1) at index j; between levels log-linear; sigma 0 keeps index 0."""
    abar = np.array([0.99, 0.9, 0.5, 0.1])
    table = TrainedLevels(abar)
    sigmas = np.sqrt(1 / abar - 1)
    np.testing.assert_allclose(table.timesteps(sigmas), [0, 1, 2, 3], atol=1e-12)
    assert table.timesteps(np.array([np.sqrt(sigmas[1] * sigmas[2])]))[0] == pytest.approx(1.5)
    assert table.timesteps(np.array([0.0]))[0] == 0
    np.testing.assert_allclose(table.alpha(np.arange(4)), np.sqrt(abar), rtol=1e-12)
    assert table.parameters() == {"levels": 4.0}
    for call in (table.drift, table.diffusion):
        with pytest.raises(UnsupportedError, match="clock"):
            call(np.array([1.0]))


def test_betas_rules_equal_a_literal_product():
    for kind, root in (("linear", 1), ("scaled_linear", 2)):
        a, b = 0.00085 ** (1 / root), 0.012 ** (1 / root)
        product, wish = 1.0, []
        for j in range(1000):
            product *= 1 - (a + (b - a) * j / 999) ** root
            wish.append(product)
        np.testing.assert_allclose(alphas_from_betas(f"{kind}:0.00085,0.012,1000"), wish, rtol=1e-12)


def test_stable_diffusion_table_ends_at_the_known_noise_ratios():
    """14.6146 and 0.0292, the ends every host prints for this table."""
    high, low = EXAMPLES["table"].sigma_limits
    assert round(high, 4) == 14.6146
    assert round(low, 4) == 0.0292


@pytest.mark.parametrize(
    "rule", ["linear", "linear:1", "linear:a,b,c", "cubic:0.1,0.2,10", "linear:0.1,2,10", "linear:0.1,0.2,1", "linear:0,0.1,9"]
)
def test_bad_betas(rule):
    with pytest.raises(InputError, match="betas"):
        alphas_from_betas(rule)


@pytest.mark.parametrize("table", [[0.5], [0.1, 0.5], [0.5, 0.5], [1.0, 0.5], [0.5, 0.0], [[0.5, 0.1]]])
def test_bad_tables(table):
    with pytest.raises(InputError, match="alphas-cumprod"):
        TrainedLevels(np.array(table))


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (0.1, np.inf)])
def test_bad_rates(ends):
    with pytest.raises(InputError, match="beta-min"):
        VPLinear(*ends)
