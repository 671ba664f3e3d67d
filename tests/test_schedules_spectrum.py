"""Designs computed from a spectrum, against closed forms, simulation, enumeration and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate
from scipy.optimize import minimize

from diffopt.data.spectrum import Spectrum
from diffopt.processes import VE
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.schedules.spectral import adaptive as adaptive_sde
from diffopt.schedules.spectral import gits as gits_dev
from diffopt.schedules.spectral import gits as gits_l2
from diffopt.schedules.spectral import likelihood as elbo_dp
from diffopt.schedules.spectral import oss, program
from diffopt.schedules.spectral.adaptive import pair
from diffopt.schedules.spectral.density import Marginals
from diffopt.schedules.spectral.program import cheapest

HIGH, LOW = 20.0, 0.05
EIG = np.array([9.0, 1.0, 0.04])
WEIGHT = np.array([1.0, 3.0, 10.0])
SEVERAL = Spectrum.create(EIG, WEIGHT)


def levels(name, spectrum=SEVERAL, steps=6, high=HIGH, low=LOW, end="sigma_min"):
    return SCHEDULES[name]().grid(Span(VE(), steps, high, low, end, spectrum)).sigmas


def variance(s, lam):
    return lam + s * s


# For one eigenvalue these functions of sigma are equally spaced.
LAM = 0.7
PRIMITIVES = {
    "fisher_rao": lambda s: math.log(variance(s, LAM)),
    "entropic": lambda s: 0.5 * math.log(s * s / variance(s, LAM)),
    "entropic_rescaled": lambda s: math.atan(s / math.sqrt(LAM)),
    "entropic_spectral": lambda s: math.atan(s / math.sqrt(LAM)),
    "constant_rate_x": lambda s: math.atan(s / math.sqrt(LAM)),
    "constant_rate_eps": lambda s: math.atan(s / math.sqrt(LAM)),
    "constant_rate_w2": lambda s: math.sqrt(variance(s, LAM)),
    "score_corrector": lambda s: math.asinh(s / math.sqrt(LAM)) - s / math.sqrt(variance(s, LAM)),
    "score_predictor": lambda s: integrate.quad(lambda x: math.sqrt(x * LAM) * variance(x, LAM) ** -1.25, 0, s)[0],
    "klub": lambda s: math.log(1 + LAM / s**2),
    "em_path_kl": lambda s: math.log(variance(s, LAM)),
    "tangent_w2": lambda s: math.atan(s / math.sqrt(LAM)),
    "tangent_kl": lambda s: math.atan(s / math.sqrt(LAM)),
    "tangent_moment_w2": lambda s: math.atan(s / math.sqrt(LAM)),
    "tangent_moment_kl": lambda s: math.atan(s / math.sqrt(LAM)),
}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_one_eigenvalue_has_a_closed_form(name):
    values = [PRIMITIVES[name](s) for s in levels(name, Spectrum.create([LAM], [5.0]), 7)]
    np.testing.assert_allclose(np.diff(values), np.diff(values).mean(), rtol=2e-3)


def metric_by_simulation(name, sigma, h=1e-4, count=400_000):
    """Mean squared change of what the design watches, per squared step, with fixed data and noise."""
    rng = np.random.default_rng(11)
    total = 0.0
    for lam, weight in zip(EIG, WEIGHT, strict=True):
        x0, n = math.sqrt(lam) * rng.standard_normal(count), rng.standard_normal(count)
        here, there = x0 + sigma * n, x0 + (sigma + h) * n
        v, w = lam + sigma**2, lam + (sigma + h) ** 2
        change = {
            "constant_rate_x": lam * there / w - lam * here / v,
            "constant_rate_eps": (sigma + h) * there / w - sigma * here / v,
            "score_corrector": sigma * (here / v - here / w),
        }[name]
        total += weight * np.mean((change / h) ** 2)
    return math.sqrt(total)


@pytest.mark.parametrize("name", ["constant_rate_x", "constant_rate_eps", "score_corrector"])
def test_density_is_the_simulated_speed(name):
    sigma = np.array([0.1, 0.6, 3.0])
    density = SCHEDULES[name]().density(Marginals(sigma[:, None], EIG, WEIGHT))
    simulated = [metric_by_simulation(name, s) for s in sigma]
    np.testing.assert_allclose(density, simulated, rtol=0.01)


def test_constant_rate_w2_is_the_distance_between_neighbours():
    sigma, h = np.array([0.1, 1.0, 5.0]), 1e-5
    density = SCHEDULES["constant_rate_w2"]().density(Marginals(sigma[:, None], EIG, WEIGHT))
    root = [np.sqrt(EIG + (s + d) ** 2) for s in sigma for d in (0, h)]
    apart = [math.sqrt(WEIGHT @ (b - a) ** 2) / h for a, b in zip(root[::2], root[1::2], strict=True)]
    np.testing.assert_allclose(density, apart, rtol=1e-4)


@pytest.mark.parametrize("name", ["entropic", "entropic_rescaled", "entropic_spectral", "fisher_rao"])
def test_several_eigenvalues_add_up(name):
    """Integrals between neighbouring levels, by adaptive quadrature of the definition."""

    def rate(s):
        v = EIG + s * s
        entropy = 0.5 * WEIGHT @ (2 / s - 2 * s / v)
        return {
            "entropic": entropy,
            "entropic_rescaled": s * entropy,
            "entropic_spectral": WEIGHT @ (EIG / v / np.arctan(HIGH / np.sqrt(EIG))),
            "fisher_rao": math.sqrt(WEIGHT @ ((2 * s) ** 2 / (2 * v**2))),
        }[name]

    s = levels(name)
    shares = [integrate.quad(rate, b, a, limit=200)[0] for a, b in itertools.pairwise(s)]
    np.testing.assert_allclose(shares, np.mean(shares), rtol=1e-4)


def test_curvature_is_the_angle_between_tangents():
    """Angles of finite differences of the trajectory sqrt(V), added up between levels."""
    s = levels("curvature")
    fine = np.geomspace(HIGH, LOW, 60_001)
    points = np.sqrt(EIG + fine[:, None] ** 2) * np.sqrt(WEIGHT)
    tangent = np.diff(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    angle = 2 * np.arcsin(np.clip(np.linalg.norm(np.diff(tangent, axis=0), axis=1) / 2, 0, 1))
    total = np.concatenate([[0.0], np.cumsum(angle)])
    at = np.interp(-s, -np.sqrt(fine[1:] * fine[:-1]), total)
    np.testing.assert_allclose(np.diff(at)[1:-1], np.diff(at)[1:-1].mean(), rtol=2e-3)


def klub_bound(inner):
    """Sum over steps of the KL between true and sampled transitions of stochastic DDIM, per direction."""
    s = np.array([HIGH, *inner, LOW])
    total = 0.0
    for a, b in itertools.pairwise(s):
        # True reverse transition: variance V_b (a^2 - b^2)/V_a; sampled: b^2 (1 - b^2/a^2); means agree.
        ratio = (EIG + b**2) / (EIG + a**2) * (a**2 - b**2) / (b**2 * (1 - b**2 / a**2))
        total += 0.5 * WEIGHT @ (ratio - 1 - np.log(ratio))
    return total


def em_bound(inner):
    """The same for Euler-Maruyama in the noise-ratio picture, whose noise has variance a^2 - b^2."""
    s = np.array([HIGH, *inner, LOW])
    total = 0.0
    for a, b in itertools.pairwise(s):
        ratio = (EIG + b**2) / (EIG + a**2)
        total += 0.5 * WEIGHT @ (ratio - 1 - np.log(ratio))
    return total


def best_inner(bound, start):
    def value(x):
        return bound(np.exp(np.sort(x)[::-1]))

    return np.exp(np.sort(minimize(value, np.log(start), method="Nelder-Mead",
                                   options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 20000}).x)[::-1])  # fmt: skip


@pytest.mark.parametrize(("name", "bound"), [("klub", klub_bound), ("em_path_kl", em_bound)])
def test_shooting_finds_the_minimum_of_the_path_kl(name, bound):
    own = levels(name, steps=4)[1:-1]
    found = best_inner(bound, np.geomspace(HIGH, LOW, 5)[1:-1])
    np.testing.assert_allclose(own, found, rtol=1e-4)
    assert bound(own) <= bound(found) * (1 + 1e-9)


def test_elbo_program_is_the_best_path_of_its_grid(monkeypatch):
    """All subsets of a coarse grid, costs written out per direction."""
    monkeypatch.setattr(program, "POINTS", 9)
    own = elbo_dp.ELBOProgram().levels(Span(VE(), 3, HIGH * 1.01, LOW, "sigma_min", SEVERAL))
    grid = np.geomspace(HIGH * 1.01, LOW, max(9, 13))

    def cost(path):
        total = 0.0
        for a, b in itertools.pairwise(path):
            y = (1 + EIG / b**2) / (1 + EIG / a**2)
            total += 0.5 * WEIGHT @ (y - 1 - np.log(y))
        return total

    best = min(itertools.combinations(grid[1:-1], 2), key=lambda c: cost([grid[0], *c, grid[-1]]))
    np.testing.assert_allclose(own[1:-1], best)
    assert "elbo_dp" in SCHEDULES


def test_analytic_dpm_program_is_the_best_path_of_its_grid(monkeypatch):
    monkeypatch.setattr(program, "POINTS", 9)
    span = Span(VE(), 3, HIGH * 1.02, LOW, "sigma_min", SEVERAL)
    own = SCHEDULES["analytic_dpm_dp"]().levels(span)
    grid = np.geomspace(HIGH * 1.02, LOW, max(9, 13))

    def cost(path):
        total = 0.0
        for a, b in itertools.pairwise(path):
            v = (EIG + b**2) * (a**2 - b**2) / (EIG + a**2)
            total += 0.5 * WEIGHT.sum() * math.log(np.average(v, weights=WEIGHT))
            total -= 0.5 * WEIGHT @ np.log(v)
        return total

    best = min(itertools.combinations(grid[1:-1], 2), key=lambda c: cost([grid[0], *c, grid[-1]]))
    np.testing.assert_allclose(own[1:-1], best)


def test_cheapest_path_is_the_recursion_written_as_loops():
    """The loops of the published program: W_k(i) = min_j cost(i, j) + coeff W_{k-1}(j)."""
    rng = np.random.default_rng(5)
    cost = rng.uniform(0.1, 1.0, (9, 9))
    for jumps, coeff in itertools.product((1, 2, 4, 8), (1.0, 1.15)):
        path = cheapest(cost, jumps, coeff)

        def total(points, coeff=coeff):
            return sum(coeff**k * cost[a, b] for k, (a, b) in enumerate(itertools.pairwise(points)))

        best = min(itertools.combinations(range(1, 8), jumps - 1), key=lambda c: total([0, *c, 8]))
        assert list(path) == [0, *best, 8]


def teacher(count):
    u = np.linspace(0, 1, count)
    s = (HIGH ** (1 / 7) + u * (LOW ** (1 / 7) - HIGH ** (1 / 7))) ** 7
    # One coordinate per direction, as many as its weight says.
    eig = np.repeat(EIG, WEIGHT.astype(int))
    return s, eig, np.sqrt(eig + s[:, None] ** 2)


def distance_from_chord(point, start, end):
    """Length of the part of (point - end) at right angles to (start - end), by projection."""
    unit = (start - end) / np.linalg.norm(start - end)
    apart = point - end
    return np.linalg.norm(apart - (apart @ unit) * unit)


@pytest.mark.parametrize(("name", "module"), [("gits_l2", gits_l2), ("gits_dev", gits_dev)])
def test_gits_is_the_best_path_through_its_teacher(name, module, monkeypatch):
    monkeypatch.setattr(module, "POINTS", 11)
    own = SCHEDULES[name]().levels(Span(VE(), 3, HIGH, LOW, "sigma_min", SEVERAL))
    s, eig, x = teacher(11)

    def cost(i, j):
        euler = x[i] + (s[j] - s[i]) * (x[i] - eig * x[i] / (eig + s[i] ** 2)) / s[i]
        if name == "gits_l2":
            return np.linalg.norm(euler - x[j])
        return distance_from_chord(euler, x[0], x[-1]) - distance_from_chord(x[j], x[0], x[-1])

    def total(path):
        return sum(1.15**k * cost(i, j) for k, (i, j) in enumerate(itertools.pairwise(path)))

    best = min(itertools.combinations(range(1, 10), 2), key=lambda c: total([0, *c, 10]))
    np.testing.assert_allclose(own, s[[0, *best, 10]], rtol=1e-9)


def test_oss_is_its_forward_loop(monkeypatch):
    """The published search as loops over targets and sources; `oss` is greedy in the state it keeps."""
    monkeypatch.setattr(oss, "POINTS", 12)
    own = SCHEDULES["oss"]().levels(Span(VE(), 3, HIGH, LOW, "sigma_min", SEVERAL))
    s, eig, x = teacher(12)
    state, came = {0: x[0]}, []
    for _ in range(3):
        new, source = {}, {}
        for j in range(1, 12):
            options = []
            for i, z in state.items():
                if i < j:
                    euler = z + (s[j] - s[i]) * (z - eig * z / (eig + s[i] ** 2)) / s[i]
                    options.append((np.mean((euler - x[j]) ** 2), i, euler))
            if options:
                _, source[j], new[j] = min(options, key=lambda o: o[0])
        state = new
        came.append(source)
    path = [11]
    for source in reversed(came):
        path.append(source[path[-1]])
    np.testing.assert_allclose(own, s[path[::-1]], rtol=1e-9)


def ddim_error(s, metric):
    """DDIM run on every direction, literally."""
    x = np.sqrt(EIG + s[0] ** 2)
    for a, b in itertools.pairwise(s):
        x = x + (b - a) * (x - EIG * x / (EIG + a * a)) / a
    target = EIG + s[-1] ** 2
    if metric == "w2":
        return WEIGHT @ (x - np.sqrt(target)) ** 2
    return 0.5 * WEIGHT @ (target / x**2 - 1 - np.log(target / x**2))


@pytest.mark.parametrize(("name", "metric"), [("tangent_w2", "w2"), ("tangent_kl", "kl")])
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
def test_tangent_constant_beats_a_dense_scan(name, metric, end):
    own = ddim_error(levels(name, end=end), metric)
    scan = []
    for c in np.geomspace(LOW, HIGH, 2001):
        angle = np.linspace(math.atan(HIGH / c), math.atan(LOW / c), 6 if end == "zero" else 7)
        s = c * np.tan(angle)
        scan.append(ddim_error(np.append(s, 0.0) if end == "zero" else s, metric))
    assert own <= min(scan) * (1 + 1e-4)


@pytest.mark.parametrize(("name", "constant"), [
    ("tangent_moment_w2", (WEIGHT @ EIG**2 / WEIGHT.sum()) ** 0.25),
    ("tangent_moment_kl", (WEIGHT @ EIG / (WEIGHT @ (1 / (EIG + LOW**2)))) ** 0.25),
])  # fmt: skip
def test_tangent_moments(name, constant):
    angles = np.arctan(levels(name) / constant)
    np.testing.assert_allclose(np.diff(angles), np.diff(angles).mean(), rtol=1e-9)


def test_adaptive_sde_knows_the_error_of_its_pair():
    """Euler-Maruyama against improved Euler in the variance clock with the same noise, simulated."""
    rng = np.random.default_rng(2)
    sigma, h, squares = 1.3, 1e-4, 0.0
    dv = sigma**2 - (sigma - h) ** 2
    for lam, weight in zip(EIG, WEIGHT, strict=True):
        x = math.sqrt(lam + sigma**2) * rng.standard_normal(400_000)
        noise = math.sqrt(dv) * rng.standard_normal(x.size)
        first = -x / (lam + sigma**2)
        plain = x + dv * first + noise
        better = x + dv / 2 * (first - plain / (lam + (sigma - h) ** 2)) + noise
        squares += weight * np.mean((better - plain) ** 2)
    simulated = math.sqrt(squares / WEIGHT.sum())
    m = Marginals(np.array([[sigma]]), EIG, WEIGHT)
    assert adaptive_sde.AdaptiveSDE().error(m)[0] * h**1.5 == pytest.approx(simulated, rel=0.02)


@pytest.mark.parametrize("name", ["adaptive_sde", "dpm_adaptive"])
@pytest.mark.parametrize("steps", [5, 40])
def test_controllers_take_steps_of_equal_error(name, steps):
    """Error over tolerance is the same at every step of a fine grid, for some relative tolerance."""
    schedule = SCHEDULES[name]()
    s = levels(name, steps=40 * steps)
    middle, h = np.sqrt(s[1:] * s[:-1]), -np.diff(s)
    m = Marginals(middle[:, None], EIG, WEIGHT)
    size = np.sqrt(m.sum(m.variance) / WEIGHT.sum())
    ratio = schedule.error(m) * h**schedule.order
    spread = []
    for relative in np.geomspace(1e-9, 1e3, 600):
        local = (ratio / np.maximum(0.0078, relative * size))[1:-1]
        spread.append(np.ptp(local) / local.mean())
    assert min(spread) < 0.03


def test_dpm_adaptive_pair_is_the_published_pair():
    """k-diffusion's dpm_solver_2_step (r1 = 1/3) and dpm_solver_3_step on a linear denoiser."""
    lam, sigma, h = 0.8, 1.7, 0.3

    def eps(x, s):
        return (x - lam * x / (lam + s * s)) / s

    def at(r):
        return math.exp(math.log(sigma) - r * h)

    x, e0 = 1.0, eps(1.0, sigma)
    u1 = x - at(1 / 3) * math.expm1(h / 3) * e0
    e1 = eps(u1, at(1 / 3))
    low = x - at(1) * math.expm1(h) * e0 - at(1) / (2 / 3) * math.expm1(h) * (e1 - e0)
    ratio = math.expm1(2 * h / 3) / (2 * h / 3) - 1
    u2 = x - at(2 / 3) * math.expm1(2 * h / 3) * e0 - at(2 / 3) * 2 * ratio * (e1 - e0)
    e2 = eps(u2, at(2 / 3))
    high = x - at(1) * math.expm1(h) * e0 - at(1) / (2 / 3) * (math.expm1(h) / h - 1) * (e2 - e0)
    own = pair(np.array([[sigma]]), np.array([lam]), h)
    assert own[0][0, 0] == pytest.approx(low, rel=1e-12)
    assert own[1][0, 0] == pytest.approx(high, rel=1e-12)
    exact = math.sqrt((lam + at(1) ** 2) / (lam + sigma**2))
    assert abs(high - exact) < abs(low - exact) / 3


def test_curvature_and_gits_dev_have_nothing_to_say_about_isotropic_data():
    flat = Spectrum.create([1.0], [7.0])
    for name in ("curvature", "gits_dev"):
        assert np.all(np.diff(levels(name, flat)) < 0)
