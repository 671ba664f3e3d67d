"""Small independent checks of the equations of docs/theory.md, sections 1 to 9, each named by its number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from diffopt.data.compression import compress
from diffopt.data.spectrum import Spectrum
from diffopt.law.law import Law
from diffopt.law.response import Response
from diffopt.law.start import STARTS, start_variance
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.frechet import frechet_terms
from diffopt.objectives.kl import kl_terms
from diffopt.objectives.problem import Problem
from diffopt.objectives.robust import Robust
from diffopt.processes import VE, Flow, VPCosine, VPLinear
from diffopt.processes.clocks import CLOCKS
from diffopt.processes.grid import Grid
from diffopt.search.variables import GridBlock, State
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.table import Table

CONTINUOUS = {"ve": VE(), "vp_linear": VPLinear(), "vp_cosine": VPCosine(), "flow": Flow()}
EIG = np.array([7.0, 0.6, 0.03])
SIGMAS = np.array([9.0, 4.0, 1.5, 0.5, 0.2])


def derivative(function, x, step=1e-4):
    """Five-point central difference."""
    a, b = function(x + step) - function(x - step), function(x + 2 * step) - function(x - 2 * step)
    return (8 * a - b) / (12 * step)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_process_equations(name):
    """Eqs. (1), (2), (3) and (4): alpha' = f alpha, (s^2)' = 2 f s^2 + g^2, sigma = s/alpha, marginal variance."""
    process, t = CONTINUOUS[name], CONTINUOUS[name].time(np.array([0.3, 1.0, 4.0]))
    f, g2 = process.drift(t), process.diffusion(t)
    np.testing.assert_allclose(derivative(process.alpha, t), f * process.alpha(t), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(derivative(lambda x: process.noise(x) ** 2, t), 2 * f * process.noise(t) ** 2 + g2, rtol=1e-8)
    np.testing.assert_allclose(process.noise(t) / process.alpha(t), process.sigma(t), rtol=1e-13)
    if name.startswith("vp"):
        np.testing.assert_allclose(process.alpha(t) ** 2 + process.noise(t) ** 2, 1, rtol=1e-13)
        rate = integrate.quad(lambda x: float(process.diffusion(np.array([x]))[0]), 0, float(t[1]))[0]
        np.testing.assert_allclose(process.sigma(t[1:2])[0], np.sqrt(np.expm1(rate)), rtol=1e-8)


@pytest.mark.parametrize("eta", [0.0, 0.7, 1.3])
@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_reverse_rates_keep_the_marginals(name, clock, eta):
    """Eqs. (5) to (9): with D and S of Gaussian data the variance of y follows that of the marginal."""
    process, c = CONTINUOUS[name], CLOCKS[clock]
    sigma = np.array([2.0, 0.7])
    u = c.value(process, sigma, process.time(sigma))
    for eig in EIG:

        def variance(u, eig=eig):
            _, t = c.locate(process, u)
            alpha, level = process.alpha(t), process.noise(t)
            return c.scale(alpha) ** 2 * (alpha**2 * eig + level**2)

        s, t = c.locate(process, u)
        rates = c.rates(process, s, t, np.full(2, eta))
        alpha, level = process.alpha(t), process.noise(t)
        v = alpha**2 * eig + level**2
        slope = rates.state + (rates.denoised * alpha * eig / v - rates.score / v) / rates.scale
        np.testing.assert_allclose(derivative(variance, u, 1e-5), 2 * slope * variance(u) + rates.noise, rtol=1e-6)


def test_sampling_loop_is_the_table():
    """Eq. (10) for a table of random numbers with two rows, three lags, two noise sources and both model outputs."""
    rng = np.random.default_rng(3)
    n, r, lags = 3, 2, 3
    arrays = [rng.normal(size=(n, r, lags)) for _ in range(3)]
    for array in arrays:
        array[0, 0, 1:] = array[0, 1, 2:] = 0
    alpha, level = rng.uniform(0.5, 1, n * r + 1), rng.uniform(0.5, 1, n * r + 1)
    table = Table(alpha, level, *arrays, rng.normal(size=(n, r, 2)))
    denoise, score = (lambda z, a, s: np.tanh(a * z + s)), (lambda z, a, s: np.sin(z) / (a + s))
    start = rng.normal(size=4)
    result = sample(table, denoise, start, np.random.default_rng(5), score)
    noise, z = np.random.default_rng(5), [start]
    for k in range(n):
        xi = [noise.standard_normal(4) for _ in range(2)]
        for row in range(r):
            i = k * r + row
            terms = [table.noise[k, row, q] * xi[q] for q in range(2)]
            for lag in range(min(lags, i + 1)):
                old = z[i - lag]
                terms += [table.state[k, row, lag] * old]
                terms += [table.denoised[k, row, lag] * denoise(old, alpha[i - lag], level[i - lag])]
                terms += [table.score[k, row, lag] * score(old, alpha[i - lag], level[i - lag])]
            z.append(sum(terms))
    np.testing.assert_allclose(result, z[-1], rtol=1e-12)


def ve_table(name, sigmas=SIGMAS, eta=None, **options):
    return run_table(SOLVERS[name](**options), Grid.create(VE(), sigmas), eta)


def test_rows_of_the_literature():
    """Eqs. (11), (12), (13), (15), (19): coefficients of y, D and noise of the second step, written out."""
    s, t, before = SIGMAS[1], SIGMAS[2], SIGMAS[0]
    r, h, h_before = t / s, np.log(s / t), np.log(before / s)
    slope = h / (2 * h_before)
    euler, two = ve_table("euler"), ve_table("dpmpp_2m")
    np.testing.assert_allclose([euler.state[1, 0, 0], euler.denoised[1, 0, 0]], [r, 1 - r], rtol=1e-14)
    assert euler.state[1, 0, 0] + euler.denoised[1, 0, 0] == pytest.approx(1, rel=1e-15)
    np.testing.assert_allclose(two.denoised[1, 0], [(1 - r) * (1 + slope), -(1 - r) * slope], rtol=1e-13)
    ancestral = ve_table("euler_ancestral", eta=0.6)
    up = 0.6 * t * np.sqrt(1 - r**2)
    down = np.sqrt(t**2 - up**2)
    expected = [down / s, 1 - down / s, up]
    ours = [ancestral.state[1, 0, 0], ancestral.denoised[1, 0, 0], ancestral.noise[1, 0, 0]]
    np.testing.assert_allclose(ours, expected, rtol=1e-13)
    sde = ve_table("dpmpp_2m_sde", eta=0.6)
    ours = [sde.state[1, 0, 0], sde.denoised[1, 0, 1], sde.noise[1, 0, 0]]
    np.testing.assert_allclose(ours, [r**1.6, -(1 - r**1.6) * slope, t * np.sqrt(1 - r**1.2)], rtol=1e-13)


def test_rows_of_stages_and_integrators():
    """Eqs. (14), (16), (20), (21): one step applied to numbers, by hand."""
    s, t = 3.0, 1.0
    q = s**2 - t**2
    em = ve_table("euler_maruyama", np.array([s, t]), eta=0.8, clock="variance")
    a = (1 + 0.8**2) / 2
    assert em.state[0, 0, 0] == pytest.approx(1 - a * q / s**2)
    assert em.noise[0, 0, 0] == pytest.approx(0.8 * np.sqrt(q))
    ei = ve_table("exponential_integrator", np.array([s, t]), eta=0.8)
    assert ei.score[0, 0, 0] == pytest.approx(a * q)
    sde = ve_table("dpmpp_sde", np.array([s, t]))
    middle = np.sqrt(s * t)
    shared = sde.noise[0, 1, 0] / np.hypot(*sde.noise[0, 1])
    assert shared == pytest.approx(np.sqrt((s - middle) / (s - t)))
    assert sde.level[1] == pytest.approx(middle)
    churn = ve_table("edm_stochastic", np.array([s, t]), s_churn=0.3)
    assert churn.level[1] == pytest.approx(1.3 * s)
    assert churn.noise[0, 0, 0] == pytest.approx(s * np.sqrt(1.3**2 - 1))


def moment(a, b, coefficients):
    """Integral of e^(l - b) D(l) over a step, D a polynomial in l: what a multistep row approximates."""
    return integrate.quad(lambda x: np.exp(x - b) * np.polyval(coefficients, x), a, b, epsabs=1e-14)[0]


def test_multistep_rows_integrate_polynomials():
    """Eqs. (17) and (18): UniPC's corrector is exact for quadratic D; 3M, as published, takes half of D''."""
    ell, quadratic = -np.log(SIGMAS), [-0.2, 0.7, 0.3]
    row, k = ve_table("unipc").denoised[2, 1], 2
    d = np.polyval(quadratic, ell)
    assert row[0] * d[k + 1] + row[2] * d[k] + row[4] * d[k - 1] == pytest.approx(
        moment(ell[k], ell[k + 1], quadratic), rel=1e-9
    )
    sigmas = np.geomspace(9, 0.2, 17) * (1 + 0.05 * np.sin(np.arange(17)))
    ell = -np.log(sigmas)
    table = ve_table("dpmpp_3m", sigmas)
    for k in (5, 9):
        h = ell[k + 1] - ell[k]
        phi_2 = np.expm1(-h) / h + 1
        missing = (phi_2 / h - 0.5) * h**2 * 2 * quadratic[0] / 2
        for polynomial, gap in (([0.7, 0.3], 0.0), (quadratic, missing)):
            old = np.polyval(polynomial, ell)
            expected = moment(ell[k], ell[k + 1], polynomial) + gap
            assert table.denoised[k, 0] @ old[k : k - 3 : -1] == pytest.approx(expected, rel=1e-9)


def test_gains_and_their_derivatives():
    """Eqs. (22), (23), (24): d = alpha eig/v and -1/v, and their derivatives by alpha and s, by differences."""
    alpha, s = 0.8, 0.5

    def gain(alpha, s):
        v = alpha**2 * EIG + s**2
        return alpha * EIG / v, -1 / v

    v = alpha**2 * EIG + s**2
    for i, (by_alpha, by_s) in enumerate(
        [(EIG * (s**2 - alpha**2 * EIG) / v**2, -2 * alpha * s * EIG / v**2), (2 * alpha * EIG / v**2, 2 * s / v**2)]
    ):
        np.testing.assert_allclose(derivative(lambda x, i=i: gain(x, s)[i], alpha), by_alpha, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(derivative(lambda x, i=i: gain(alpha, x)[i], s), by_s, rtol=1e-7, atol=1e-9)
    table = ve_table("euler")
    coefficient = Response(table, EIG).rows[-1].incoming[0][0]
    expected = table.state[0, 0, 0] + table.denoised[0, 0, 0] * EIG / (EIG + SIGMAS[0] ** 2)
    np.testing.assert_allclose(coefficient, expected, rtol=1e-13)


def test_law_recursions():
    """Eqs. (25), (26), (27), (28): start laws, scalar and two-state recursions, mean, by hand."""
    table = ve_table("euler_ancestral", eta=0.5)
    expected = {"exact": EIG + SIGMAS[0] ** 2, "sigma": SIGMAS[0] ** 2 + 0 * EIG, "unit": 1 + SIGMAS[0] ** 2 + 0 * EIG}
    for start in STARTS:
        np.testing.assert_allclose(start_variance(table, EIG, start), expected[start], rtol=1e-14)
    spectrum = Spectrum.create(EIG, mean=[1.0, 2.0, 3.0])
    variance, gap = expected["sigma"], -np.ones(3)
    for k, s in enumerate(SIGMAS[:-1]):
        m = table.state[k, 0, 0] + table.denoised[k, 0, 0] * EIG / (EIG + s**2)
        variance, gap = m**2 * variance + table.noise[k, 0, 0] ** 2, m * gap
    law = Law(table, spectrum, "sigma")
    np.testing.assert_allclose(law.variance, variance, rtol=1e-13)
    np.testing.assert_allclose(law.mean_gap, gap, rtol=1e-13)
    two = ve_table("dpmpp_2m_sde", eta=0.5)
    for j, eig in enumerate(EIG):
        state, covariance = np.array([1.0, 0.0]), np.diag([eig + SIGMAS[0] ** 2, 0.0])
        for k in range(len(SIGMAS) - 1):
            d = eig / (eig + SIGMAS[k] ** 2)
            d_old = eig / (eig + SIGMAS[max(k - 1, 0)] ** 2)
            a = np.array([[two.state[k, 0, 0] + two.denoised[k, 0, 0] * d, two.denoised[k, 0, 1] * d_old], [1, 0]])
            covariance = a @ covariance @ a.T + np.diag([two.noise[k, 0, 0] ** 2, 0])
        del state
        assert Law(two, Spectrum.create(EIG), "exact").variance[j] == pytest.approx(covariance[0, 0], rel=1e-12)


def test_distances():
    """Eqs. (29), (30): against the quantile integral and the divergence integral in one dimension."""
    v, t, e = 0.7, 1.9, 0.3
    p, q = stats.norm(0, np.sqrt(t)), stats.norm(e, np.sqrt(v))
    w2 = integrate.quad(lambda u: (p.ppf(u) - q.ppf(u)) ** 2, 0, 1)[0]
    one = np.ones(1)
    assert frechet_terms(v * one, t * one, e * one, one).loss == pytest.approx(w2, rel=1e-6)
    kl = integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -15, 15)[0]
    assert kl_terms(v * one, t * one, e * one, one).loss == pytest.approx(kl, rel=1e-8)


def test_robust_literal():
    """Eqs. (31) to (34): one eigenvalue, ancestral noise, every step on the exact state, summed by hand."""
    eig, sigmas = 0.8, np.array([5.0, 2.0, 0.6, 0.0])
    table = ve_table("euler_ancestral", sigmas, eta=0.7)
    v = eig + sigmas**2
    absolute = signed = 0.0
    for k in range(3):
        m = (table.state[k, 0, 0] + table.denoised[k, 0, 0] * eig / v[k]) * np.sqrt(v[k])
        n = table.noise[k, 0, 0] ** 2
        share, fresh = m**2 / v[k + 1], n / v[k + 1]
        kappa = share / min(share + fresh, 1)
        defect = (np.sqrt(m**2 + n) - np.sqrt(v[k + 1])) / np.sqrt(v[k + 1])
        # The defect of the last step is not damped by that step.
        absolute, signed = kappa * absolute + abs(defect), kappa * signed + defect
    total = eig * (absolute**2 + signed**2) / 2
    objective = Robust(scales=(1.0,))
    spectrum = Spectrum.create([eig])
    assert objective.value(table, objective.prepare(spectrum), "exact") == pytest.approx(np.sqrt(total), rel=1e-12)


def test_compression_moments():
    """Eqs. (35), (36): weight and three moments of log eig survive in a crowded bin, and a quartic stays in the bound."""
    eig = np.exp(np.random.default_rng(1).uniform(-0.2, 0.0, 50))
    short = compress(Spectrum.create(eig), width=10.0)
    for power in range(4):
        full = np.sum(np.log(eig) ** power)
        assert short.spectrum.weight @ np.log(short.spectrum.eig) ** power == pytest.approx(full, rel=1e-9)
    gap = abs(np.sum(np.log(eig) ** 4) - short.spectrum.weight @ np.log(short.spectrum.eig) ** 4)
    assert gap == pytest.approx(24 * short.coefficient, rel=1e-6)


def test_one_eigenvalue():
    """Eqs. (37), (39), (40): product of cosines; exact transition by conditioning a bivariate normal; path divergence."""
    eig = 0.8
    table = ve_table("euler")
    theta = np.arctan(SIGMAS / np.sqrt(eig))
    expected = (eig + SIGMAS[-1] ** 2) * np.prod(np.cos(np.diff(theta)) ** 2)
    assert Law(table, Spectrum.create([eig]), "exact").variance[0] == pytest.approx(expected, rel=1e-13)
    noisy, total = ve_table("euler_ancestral", eta=0.9), 0.0
    for k, (s, t) in enumerate(zip(SIGMAS[:-1], SIGMAS[1:], strict=True)):
        joint = np.array([[eig + s**2, eig + t**2], [eig + t**2, eig + t**2]])
        gain = joint[0, 1] / joint[0, 0]
        rest = joint[1, 1] - gain * joint[0, 1]
        m = noisy.state[k, 0, 0] + noisy.denoised[k, 0, 0] * eig / (eig + s**2)
        n = noisy.noise[k, 0, 0] ** 2
        total += 0.5 * (rest / n - 1 - np.log(rest / n) + (gain - m) ** 2 * joint[0, 0] / n)
    assert OBJECTIVES["path_kl"]().value(noisy, Spectrum.create([eig]), "exact") == pytest.approx(total, rel=1e-12)


def test_grid_variables():
    """Eq. (41): equal logits are equal log gaps, and the logits of a grid give the grid back."""
    problem = Problem.create(Spectrum.create([1.0]), VE(), SOLVERS["euler"](), 5, 80.0, 0.01)
    block = GridBlock(problem)
    state = State(np.array([80.0, 10.0, 3.0, 1.0, 0.1, 0.0]), np.zeros(5), VE(), problem.solver)
    even = np.log(block.apply(np.zeros(5), state).sigma[:-1])
    np.testing.assert_allclose(np.exp(even[1:]), np.geomspace(80, 0.01, 6)[1:-1], rtol=1e-12)
    np.testing.assert_allclose(block.apply(block.start(state), state).sigma[1:-1], state.sigma[1:-1], rtol=1e-9)
