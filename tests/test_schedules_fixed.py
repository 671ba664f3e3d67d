"""Fixed rules and published tables against formulas written out again, and against the hosts' own objects."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from diffopt.processes import VE, Flow, TrainedLevels
from diffopt.processes.beta_rules import alphas_from_betas
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.schedules.fixed.dmn import amplification

# numpy 2 tells torch off inside the hosts.
pytestmark = pytest.mark.filterwarnings("ignore:.*__array__ implementation:DeprecationWarning")

HIGH, LOW, N = 80.0, 0.002, 8


def levels(name, steps=N, end="sigma_min", process=None, high=HIGH, low=LOW):
    return SCHEDULES[name]().grid(Span(process or VE(), steps, high, low, end)).sigmas


def vp_sigma(t):
    return math.sqrt(math.expm1(19.9 * t * t / 2 + 0.1 * t))


def vp_time(sigma):
    return (-0.1 + math.sqrt(0.01 + 2 * 19.9 * math.log1p(sigma**2))) / 19.9


def linear_in(to_time, to_sigma, fractions):
    a, b = to_time(HIGH), to_time(LOW)
    return [to_sigma(a + u * (b - a)) for u in fractions]


U = [i / N for i in range(N + 1)]
COSINE = math.pi / 2 / 1.008
A0 = 0.008 * COSINE


def cosine_sigma(t):
    abar = (math.cos((t + 0.008) * COSINE) / math.cos(A0)) ** 2
    return math.sqrt(1 / abar - 1)


def cosine_time(sigma):
    return math.acos(math.cos(A0) / math.sqrt(1 + sigma**2)) / COSINE - 0.008


def logistic(x):
    return 1 / (1 + math.exp(-x))


def sigmoid_sigma(t):
    abar = (logistic(3) - logistic(6 * t - 3)) / (logistic(3) - logistic(-3))
    return math.sqrt(1 / abar - 1)


def bisect(f, target, low=0.0, high=1.0):
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) < target else (low, middle)
    return low


def sigmoid_beta_sigma(t):
    total = integrate.quad(lambda x: 1000 * (1e-4 + 0.0199 * logistic(12 * x - 6)), 0, t, epsabs=1e-13)[0]
    return math.sqrt(math.expm1(total))


def laplace_levels():
    out = []
    for u in U:
        size = 0.5 * math.log(1 - 2 * abs(0.5 - u) + 1e-5)
        out.append(math.exp(-size if u < 0.5 else size if u > 0.5 else 0.0))
    return [HIGH, *(min(max(v, LOW), HIGH) for v in out[1:-1]), LOW]


def edm_vp_levels():
    eps = 1e-3
    bd = 2 * (math.log(1 + LOW**2) / eps - math.log(1 + HIGH**2)) / (eps - 1)
    bm = math.log(1 + HIGH**2) - bd / 2
    return [math.sqrt(math.expm1(bd * t * t / 2 + bm * t)) for t in (1 + u * (eps - 1) for u in U)]


def iddpm_levels():
    u = np.zeros(1001)
    abar = [math.sin(math.pi / 2 * j / 1000 / 1.008) ** 2 for j in range(1001)]
    for j in range(1000, 0, -1):
        u[j - 1] = math.sqrt((u[j] ** 2 + 1) / max(abar[j - 1] / abar[j], 0.001) - 1)
    inside = u[(u >= LOW) & (u <= HIGH)]
    picked = inside[np.round((len(inside) - 1) * np.array(U)).astype(int)]
    return [HIGH, *picked[1:-1], LOW]


FORMULAS = {
    "karras": lambda: [(HIGH ** (1 / 7) + u * (LOW ** (1 / 7) - HIGH ** (1 / 7))) ** 7 for u in U],
    "exponential": lambda: [math.exp(math.log(HIGH) + u * math.log(LOW / HIGH)) for u in U],
    "polyexponential": lambda: [math.exp(math.log(HIGH) + u * math.log(LOW / HIGH)) for u in U],
    "uniform_t": lambda: [HIGH + u * (LOW - HIGH) for u in U],
    "uniform_flow": lambda: linear_in(lambda s: s / (1 + s), lambda t: t / (1 - t), U),
    "vp": lambda: linear_in(vp_time, vp_sigma, U),
    "quadratic_t": lambda: linear_in(lambda s: math.sqrt(vp_time(s)), lambda r: vp_sigma(r * r), U),
    "edm_vp": edm_vp_levels,
    "edm_iddpm": iddpm_levels,
    "cosine": lambda: linear_in(cosine_time, cosine_sigma, U),
    "sigmoid": lambda: linear_in(lambda s: bisect(sigmoid_sigma, s, 1e-12, 1 - 1e-12), sigmoid_sigma, U),
    "sigmoid_beta": lambda: linear_in(lambda s: bisect(sigmoid_beta_sigma, s), sigmoid_beta_sigma, U),
    "kl_optimal": lambda: linear_in(math.atan, math.tan, U),
    "laplace": laplace_levels,
    "beta_sigma": lambda: [LOW + (HIGH - LOW) * stats.beta.ppf(1 - u, 0.6, 0.6) for u in U],
    "flow_shift": lambda: [3 * s for s in linear_in(lambda s: s / (3 + s), lambda t: t / (1 - t), U)],
    "flux_shift": lambda: [
        math.exp(1.15) * s for s in linear_in(lambda s: s / (math.exp(1.15) + s), lambda t: t / (1 - t), U)
    ],
    # 1000 levels equally spaced in the linear variance-preserving time, 0 = LOW, 999 = HIGH.
    "normal": lambda: linear_in(vp_time, vp_sigma, U),
    "linspace": lambda: linear_in(vp_time, vp_sigma, [1 - round(999 * (1 - u)) / 999 for u in U]),
    "leading": lambda: [HIGH, *linear_in(vp_time, vp_sigma, [1 - 111 * (N - i) / 999 for i in range(1, N + 1)])],
    "trailing": lambda: [*linear_in(vp_time, vp_sigma, [1 - (1000 - 125 * i - 1) / 999 for i in range(N)]), LOW],
    "simple": lambda: [*linear_in(vp_time, vp_sigma, [125 * i / 999 for i in range(N)]), LOW],
    "sgm_uniform": lambda: [*linear_in(vp_time, vp_sigma, [i / N for i in range(N)]), LOW],
    "ddim_uniform": lambda: [
        HIGH, *linear_in(vp_time, vp_sigma, [1 - (1 + 125 * (N - 1 - i)) / 999 for i in range(1, N)]), LOW
    ],
    "beta": lambda: [
        *linear_in(vp_time, vp_sigma, [1 - stats.beta.ppf(1 - i / N, 0.6, 0.6) for i in range(N)]), LOW
    ],
    "beta57": lambda: [
        *linear_in(vp_time, vp_sigma, [1 - stats.beta.ppf(1 - i / N, 0.5, 0.7) for i in range(N)]), LOW
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    expected = FORMULAS[name]()
    np.testing.assert_allclose(levels(name), expected, rtol=2e-6 if name == "sigmoid_beta" else 1e-8)


def test_karras_published_numbers():
    """EDM's CIFAR-10 grid of 18 levels, first and last printed values."""
    sigmas = levels("karras", 18, "zero")
    np.testing.assert_allclose(sigmas[:3], [80.0, 57.586, 40.786], rtol=1e-4)
    assert sigmas[-2:].tolist() == [0.002, 0.0]


@pytest.mark.parametrize("steps", [2, 7, 10, 25])
def test_linear_quadratic_joins_in_value_and_slope(steps):
    """The linear half covers 2.5 % of the range; the parabola starts there with the same slope and ends at 1."""
    share = 1 - levels("linear_quadratic", steps, "zero") / HIGH
    half = steps // 2
    np.testing.assert_allclose(share[: half + 1], np.arange(half + 1) * 0.025 / half, atol=1e-12)
    assert share[-1] == 1.0
    bend = np.diff(share[half:], 2)
    if bend.size:
        np.testing.assert_allclose(bend, bend[0], rtol=1e-9)
        np.testing.assert_allclose(share[half + 1] - share[half] - bend[0] / 2, 0.025 / half, rtol=1e-9)


def host_function(path, name):
    """A function of diffusers taken from its file, whose module needs further packages to import."""
    diffusers = pytest.importorskip("diffusers")
    tree = ast.parse((Path(diffusers.__file__).parent / path).read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    scope = {}
    exec(compile(tree, path, "exec"), scope)
    return scope[name]


@pytest.mark.hosts
@pytest.mark.parametrize("steps", [4, 10, 25])
def test_linear_quadratic_is_mochis(steps):
    expected = host_function("pipelines/mochi/pipeline_mochi.py", "linear_quadratic_schedule")(steps, 0.025)
    np.testing.assert_allclose(levels("linear_quadratic", steps, "zero")[:-1], HIGH * np.array(expected), rtol=1e-12)


TABLES = {
    "ays_sd15": [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029],
    "ays_sdxl": [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029],
    "ays_svd": [700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002],
    "ays_if": [160.41, 8.081, 3.315, 1.885, 1.207, 0.785, 0.553, 0.293, 0.186, 0.030, 0.006],
    "gits_sd15": [14.615, 5.855, 2.845, 1.671, 1.089, 0.748, 0.501, 0.321, 0.199, 0.0982, 0.0292],
}
FLOW_TABLES = {
    "oss_flux": (10, {0: 0.9968, 3: 0.975, 8: 0.5512, 10: 0.001}),
    "oss_wan": (20, {0: 0.9999, 1: 0.997, 10: 0.973, 18: 0.539, 20: 0.001}),
    "oss_chroma": (40, {0: 0.992, 20: 0.69, 24: 0.501, 39: 0.048, 40: 0.001}),
}


@pytest.mark.parametrize("name", TABLES)
def test_published_table_on_its_own_range(name):
    expected = np.array(TABLES[name])
    own = levels(name, 10, high=expected[0], low=expected[-1])
    np.testing.assert_allclose(own, expected, rtol=2e-3 if name == "gits_sd15" else 1e-12)
    to_zero = levels(name, 10, "zero", high=expected[0], low=expected[-1])
    np.testing.assert_allclose(to_zero[:-1], own[:-1])


@pytest.mark.parametrize("name", FLOW_TABLES)
def test_published_flow_table_on_its_own_range(name):
    steps, numbers = FLOW_TABLES[name]
    ends = [t / (1 - t) for t in (numbers[0], numbers[steps])]
    sigmas = levels(name, steps, process=Flow(), high=ends[0], low=ends[1])
    for i, t in numbers.items():
        assert sigmas[i] / (1 + sigmas[i]) == pytest.approx(t, rel=1e-9)


@pytest.mark.parametrize("name", [*TABLES, *FLOW_TABLES])
def test_tables_go_onto_another_range_by_an_affine_map_of_log_sigma(name):
    wide, narrow = levels(name, 10), levels(name, 10, high=10.0, low=0.1)
    a, b = np.log(wide), np.log(narrow)
    np.testing.assert_allclose((a - a[-1]) / (a[0] - a[-1]), (b - b[-1]) / (b[0] - b[-1]), atol=1e-12)


@pytest.mark.parametrize("name", [*TABLES, *FLOW_TABLES])
def test_other_counts_are_log_linear(name):
    """Doubling the steps of a table puts geometric means between its levels."""
    count = 10 if name in TABLES else FLOW_TABLES[name][0]
    if name == "gits_sd15":
        count = 20
    ends = {"high": 50.0, "low": 0.01}
    few, many = levels(name, count, **ends), levels(name, 2 * count, **ends)
    np.testing.assert_allclose(many[::2], few, rtol=1e-12)
    np.testing.assert_allclose(many[1::2], np.sqrt(few[1:] * few[:-1]), rtol=1e-12)


def lagrange_amplification(sigmas, power):
    """The objective of DM-NonUniform by numerical integration of Lagrange polynomials."""
    logsnr = -np.log(sigmas)
    n = len(sigmas) - 1
    alpha = 1 / np.sqrt(1 + sigmas**2)
    scale = (sigmas * alpha) ** power / alpha
    total, weights = 0.0, np.zeros(n)
    for s in range(n):
        order = min(s + 1, n - s, 3)
        calls = list(range(s - order + 1, s + 1))
        terms = {}
        for j in calls:
            def basis(x, j=j, calls=calls):
                return math.exp(x) * math.prod((x - logsnr[k]) / (logsnr[j] - logsnr[k]) for k in calls if k != j)
            terms[j] = scale[j] * integrate.quad(basis, logsnr[s], logsnr[s + 1], epsabs=1e-12)[0]
        if order == 1:
            total += abs(terms[s])
        elif s < 3:
            total += math.sqrt(sum(v * v for v in terms.values()))
        else:
            for j, v in terms.items():
                weights[j] += v
    return total + np.abs(weights).sum()


@pytest.mark.parametrize(("name", "power", "start"), [("dmn_pixel", 1.0, "exponential"), ("dmn_latent", 2.0, "vp")])
@pytest.mark.parametrize("steps", [4, 6, 9])
def test_nonuniform_lowers_the_amplification_to_a_local_minimum(name, power, start, steps):
    sigmas = levels(name, steps, high=20.0, low=0.05)
    value = lagrange_amplification(sigmas, power)
    assert float(amplification(-np.log(sigmas), power)) == pytest.approx(value, rel=1e-7)
    assert value < lagrange_amplification(levels(start, steps, high=20.0, low=0.05), power)
    rng = np.random.default_rng(3)
    for _ in range(20):
        moved = sigmas.copy()
        moved[1:-1] *= np.exp(0.05 * rng.standard_normal(steps - 1))
        assert lagrange_amplification(moved, power) > value * (1 - 2e-3)


ALPHAS = alphas_from_betas("scaled_linear:0.00085,0.012,1000")


def table_levels(name, steps, end="zero"):
    process = TrainedLevels(ALPHAS)
    return levels(name, steps, end, process, float(np.exp(process.log_sigma[-1])), float(np.exp(process.log_sigma[0])))


def scheduler(name, **options):
    diffusers = pytest.importorskip("diffusers")
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    return getattr(diffusers, name)(num_train_timesteps=1000, **betas, **options)


@pytest.mark.hosts
@pytest.mark.parametrize("steps", [5, 10, 25])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("karras", {"use_karras_sigmas": True}),
        ("exponential", {"use_exponential_sigmas": True}),
        ("beta_sigma", {"use_beta_sigmas": True}),
    ],
)
def test_is_the_grid_of_diffusers(name, options, steps):
    host = scheduler("EulerDiscreteScheduler", **options)
    host.set_timesteps(steps)
    np.testing.assert_allclose(table_levels(name, steps), host.sigmas.numpy(), rtol=2e-5)


@pytest.mark.hosts
@pytest.mark.parametrize("steps", [5, 10, 25])
@pytest.mark.parametrize(("name", "skipped"), [("linspace", 0), ("leading", 1), ("trailing", 0)])
def test_spacings_are_those_of_diffusers(name, skipped, steps):
    """`leading` never starts at sigma_max in the host; here its first level is raised to it."""
    host = scheduler("DDIMScheduler", timestep_spacing=name, steps_offset=0)
    host.set_timesteps(steps)
    t = host.timesteps.numpy()
    expected = np.sqrt(1 / ALPHAS[t] - 1)
    np.testing.assert_allclose(table_levels(name, steps)[skipped:-1], expected[skipped:], rtol=1e-6)


@pytest.mark.hosts
@pytest.mark.parametrize("steps", [5, 12])
def test_normal_is_the_unrounded_linspace_of_diffusers(steps):
    host = scheduler("EulerDiscreteScheduler", timestep_spacing="linspace", interpolation_type="log_linear")
    host.set_timesteps(steps)
    table = TrainedLevels(ALPHAS)
    expected = table.sigma(host.timesteps.numpy().astype(float))
    np.testing.assert_allclose(table_levels("normal", steps)[:-1], expected, rtol=1e-5)


@pytest.mark.hosts
@pytest.mark.parametrize("steps", [5, 28])
@pytest.mark.parametrize(("name", "shift"), [("flow_shift", 3.0), ("flux_shift", math.exp(1.15))])
def test_flow_shift_is_that_of_diffusers(name, shift, steps):
    diffusers = pytest.importorskip("diffusers")
    host = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    # The host shifts its table's ends and then what it is given; unshifted numbers go in.
    t = np.linspace(0.999, 0.01, steps)
    host.set_timesteps(sigmas=t.tolist())
    shifted = host.sigmas.numpy()[:-1].astype(float)
    sigma = shifted / (1 - shifted)
    own = levels(name, steps, "zero", Flow(), sigma[0], sigma[-1])[:-1]
    np.testing.assert_allclose(own, sigma, rtol=2e-3)
    np.testing.assert_allclose(own / (1 + own), shifted, atol=2e-6)


@pytest.mark.hosts
def test_shift_of_flux_is_that_of_its_pipeline():
    shift = host_function("pipelines/flux/pipeline_flux.py", "calculate_shift")
    assert shift(4096) == pytest.approx(1.15)
    assert shift(256) == pytest.approx(0.5)


@pytest.mark.hosts
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ays_sd15", "StableDiffusionSigmas"),
        ("ays_sdxl", "StableDiffusionXLSigmas"),
        ("ays_svd", "StableDiffusionVideoSigmas"),
    ],
)
def test_tables_are_those_of_diffusers(name, key):
    utils = pytest.importorskip("diffusers.schedulers")
    expected = np.array(utils.AysSchedules[key])
    table = TABLES[name]
    np.testing.assert_allclose(levels(name, 10, "zero", high=table[0], low=table[-1]), expected, rtol=1e-12)


@pytest.mark.hosts
def test_sigmoid_beta_is_the_continuous_limit_of_the_host():
    diffusers = pytest.importorskip("diffusers")
    host = diffusers.DDPMScheduler(beta_schedule="sigmoid", beta_start=1e-4, beta_end=0.02)
    abar = host.alphas_cumprod.numpy().astype(float)
    sigma = np.sqrt(1 / abar - 1)
    picked = sigma[[999, 799, 599, 399, 199]]
    own = levels("sigmoid_beta", 4, high=picked[0], low=picked[-1])
    np.testing.assert_allclose(own, picked, rtol=0.02)
