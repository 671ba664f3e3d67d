"""The noise coefficient and score errors (theory.md, eqs. 69, 77, 78)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.law.law import Law
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.model_error import ModelError
from diffopt.solvers.score_error import SHAPES, parse_score_error
from diffopt.studies.eta import ETA_DESIGNS, NoiseStudy, noise_study
from diffopt.studies.noise_errors import NOISE_OBJECTIVES

SPECTRUM = Spectrum.create(50.0 * np.arange(1, 61.0) ** -2.0)
SIGMAS = np.array([5.0, 2.0, 0.9, 0.3, 0.1])
TABLES = [
    name
    for name, cls in SOLVERS.items()
    if not cls.needs_data and run_table(cls(), Grid.create(PROCESSES["ve"](), SIGMAS)).maps is None
]


def problem(solver: str, steps: int = 8, start: str = "exact") -> tuple[Problem, Grid]:
    ask = Problem.create(SPECTRUM, PROCESSES["ve"](), SOLVERS[solver](), steps, 80, 0.01, "sigma_min", start)
    return ask, SCHEDULES["karras"]().grid(ask.span)


@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
@pytest.mark.parametrize("name", TABLES)
def test_score_error_is_a_wrong_denoiser(name: str, process: str) -> None:
    """Eq. (69): coefficients with e run on the true models = true coefficients run on the wrong models."""
    error = parse_score_error("data:0.3")
    grid = Grid.create(PROCESSES[process](), SIGMAS)
    right, wrong = run_table(SOLVERS[name](), grid), run_table(SOLVERS[name](error=error), grid)
    eig, mean = np.array([3.0, 0.2]), np.array([1.0, -1.0])

    def score(z, alpha, level):
        return -(z - alpha * mean) / (alpha**2 * eig + level**2)

    def denoiser(z, alpha, level):
        return (z + level**2 * score(z, alpha, level)) / alpha

    def bad_score(z, alpha, level):
        return (1 + error.rule(1.0, np.array(level / alpha))) * score(z, alpha, level)

    def bad_denoiser(z, alpha, level):
        return (z + level**2 * bad_score(z, alpha, level)) / alpha

    start = np.array([[1.3, -0.4], [0.2, 2.0]])
    rngs = [np.random.default_rng(0) for _ in range(2)]
    expected = sample(right, bad_denoiser, start, rngs[0], bad_score)
    np.testing.assert_allclose(sample(wrong, denoiser, start, rngs[1], score), expected, rtol=1e-10)


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_score_error_in_continuous_time(shape: str, eta: float) -> None:
    """Eq. (69) on a fine grid against an ODE for the variance: dV/dq = 2 a (1 + e) V/c - eta^2."""
    error, eig = parse_score_error(f"{shape}:0.05"), 1.7
    sigma = np.geomspace(8.0, 0.05, 20_001)
    solver = SOLVERS["euler_maruyama"](clock="sigma", error=error)
    law = Law(run_table(solver, Grid.create(PROCESSES["ve"](), sigma), eta), Spectrum.create([eig]), "exact")
    a = (1 + eta**2) / 2

    def rate(q, v):
        return 2 * a * (1 + error.rule(1.0, np.sqrt(np.array(q)))) * v / (eig + q) - eta**2

    truth = integrate.solve_ivp(rate, (64.0, 0.0025), [eig + 64.0], rtol=1e-10, atol=1e-12).y[0, -1]
    assert law.variance[0] == pytest.approx(truth, rel=2e-3)


def test_ode_wins_with_exact_score_and_exact_start() -> None:
    """For ddim, eta only adds to the first-order error, so the best constant is 0 for every objective."""
    for objective in NOISE_OBJECTIVES:
        assert NoiseStudy(*problem("ddim")).solve("constant", objective).eta.max() == 0.0


@pytest.mark.parametrize(("start", "rule"), [("sigma", None), ("exact", "noise:0.1"), ("exact", "noise:-0.1")])
def test_noise_pays_with_a_wrong_start_or_score(start: str, rule: str | None) -> None:
    """Early errors are damped by noise (eq. 54), so eta > 0 is best once they dominate."""
    ask, grid = problem("ddim", 200, start)
    if start == "sigma":
        ask = Problem.create(SPECTRUM, ask.process, ask.solver, 200, 12.0, 0.01, "sigma_min", "sigma")
        grid = SCHEDULES["karras"]().grid(ask.span)
    study = NoiseStudy(ask, grid, None if rule is None else parse_score_error(rule))
    best = study.solve("constant", "exact")
    assert best.eta[0] > 0.1
    assert best.errors["exact"] < 0.9 * study.error("exact", 0.0)


def test_best_constant_agrees_with_a_fine_scan() -> None:
    study = NoiseStudy(*problem("euler_maruyama"))
    for objective in NOISE_OBJECTIVES:
        found = study.solve("constant", objective)
        scan = min(study.error(objective, e) for e in np.linspace(0, 3, 601))
        assert found.errors[objective] <= scan * (1 + 1e-6)


def test_richer_designs_are_never_worse_on_their_objective() -> None:
    """Eqs. (77), (78): constant in window in per step; signed is never above absolute."""
    answers = noise_study(*problem("euler_maruyama", 6), clocks=("sigma",))
    for objective in NOISE_OBJECTIVES:
        values = {a.design: a.errors[objective] for a in answers if a.objective == objective and a.design != "none"}
        assert values["per_step"] <= values["window"] * (1 + 1e-9)
        assert values["window"] <= values["constant"] * (1 + 1e-4)
    assert all(a.errors["signed"] <= a.errors["absolute"] * (1 + 1e-9) for a in answers)
    best = {a.objective: a for a in answers if a.design == "per_step"}
    assert best["signed"].errors["signed"] <= best["absolute"].errors["signed"] * (1 + 1e-9)
    assert {a.design for a in answers} == set(ETA_DESIGNS)


def test_window_is_the_bump_it_says() -> None:
    study = NoiseStudy(*problem("euler_maruyama"))
    sigma = study.grid.sigmas[:-1]
    np.testing.assert_allclose(study.windows.at(0.7, 2.0, 1.5), 0.7 * np.exp(-0.5 * (np.log(sigma / 2) / 1.5) ** 2))


def test_windows_are_searched_by_their_exponents_at_both_ends() -> None:
    """Eq. (321), and that no window of a fine scan of height, centre and width is better."""
    study = NoiseStudy(*problem("euler_maruyama", 5))
    sigma = study.grid.sigmas
    x = np.array([[0.8, -1.5, 0.7], [1.2, 2.0, 0.4]])
    for (height, first, last), etas in zip(x, study.windows.etas(x), strict=True):
        root = first + (last - first) * np.log(sigma[:-1] / sigma[-1]) / np.log(sigma[0] / sigma[-1])
        np.testing.assert_allclose(etas, height * np.exp(-0.5 * root**2), rtol=1e-12)
    found = study.solve("window", "exact")
    middle = np.geomspace(sigma[-1], sigma[0], 15)
    windows = [study.windows.at(h, c, b) for h in (0.1, 0.5, 1.0, 2.0, 3.0) for c in middle for b in (0.5, 1.5, 5.0)]
    scan = [study.error("exact", window) for window in windows]
    assert found.errors["exact"] <= min(scan) * (1 + 1e-9)


def test_many_etas_at_once_have_the_values_of_one_at_a_time() -> None:
    """The scan runs over stacked tables; a run with error nodes goes one by one, and a scheme that blows up is infinite."""
    rng = np.random.default_rng(0)
    for name, error in (("euler_maruyama", None), ("dpmpp_2m_sde", None), ("ddim", parse_score_error("random:0.1"))):
        ask, grid = problem(name, 5)
        study = NoiseStudy(ask, grid, error)
        etas = rng.uniform(0, 2, (7, 5))
        for row, objective in zip(study.errors.every(etas), NOISE_OBJECTIVES, strict=True):
            np.testing.assert_allclose(row, [study.error(objective, eta) for eta in etas], rtol=1e-11)


def test_every_clock_is_answered() -> None:
    answers = noise_study(*problem("euler_maruyama"), designs=("constant",), objectives=("exact",))
    # The time of `ve` is sigma: the same clock is not answered twice.
    assert [a.clock for a in answers] == ["sigma", "variance", "logsnr"]
    one, other = (noise_study(*problem("euler_maruyama"), None, ("constant",), ("exact",), (c,))[0] for c in ("sigma", "time"))
    np.testing.assert_allclose(one.eta, other.eta, rtol=1e-12)
    assert one.errors["exact"] == pytest.approx(other.errors["exact"], rel=1e-12)


@pytest.mark.parametrize("text", ["x", "shape:0.1", "nan", "-2", "data:"])
def test_bad_score_errors_say_so(text: str) -> None:
    with pytest.raises(InputError, match="score error"):
        parse_score_error(text)


def test_what_cannot_be_studied_says_so() -> None:
    with pytest.raises(UnsupportedError, match="injects no noise"):
        noise_study(*problem("euler"))
    flow = Grid.create(PROCESSES["flow"](), [np.inf, 1.0, 0.1])
    with pytest.raises(UnsupportedError, match="pure noise"):
        run_table(SOLVERS["euler"](error=ModelError.of(SHAPES["data"])), flow)


#: Spectrum, sigma_max, sigma_min, and etas that differential evolution with 40 local searches found by hand in ten seconds.
EVOLVED = {
    "two at a bound": (
        3 / np.arange(1, 9) ** 1.5, 20, 0.01,
        [0.55014224, 0.00120526, 0.13425148, 0.22308763, 0.17618149, 0.21301133, 7e-08, 0.53157031],
    ),
    "three at a bound": (
        4 / np.arange(1, 13), 80, 0.002, [0, 0, 0.39511959, 0.18775867, 0.11942979, 0.26943653, 0.55069476, 3.0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EVOLVED)
def test_errors_that_cancel_are_searched_from_many_places(name: str) -> None:
    """Eqs. (77), (385): Euler-Maruyama by hand at etas found by other means; the study's best eta per step is as good."""
    import diffopt

    eig, high, low, theirs = EVOLVED[name]
    found = diffopt.best_eta(
        eig, "euler_maruyama", 8, design="per_step", noise_objective="exact", clock="sigma", sigma_max=high, sigma_min=low,
        end="sigma_min",
    ).document  # fmt: skip
    sigmas = np.array(found["sigmas"])

    def distance(etas: np.ndarray) -> float:
        v = eig + sigmas[0] ** 2
        for a, b, eta in zip(sigmas[:-1], sigmas[1:], etas, strict=True):
            pull = (1 + eta**2) * (a - b) / a * (1 - eig / (eig + a**2))
            v = (1 - pull) ** 2 * v + 2 * eta**2 * a * (a - b)
        return float(np.sqrt(((np.sqrt(v) - np.sqrt(eig + sigmas[-1] ** 2)) ** 2).sum()))

    row = found["rows"][0]
    assert distance(np.array(row["eta"])) == pytest.approx(row["exact"], rel=1e-7)
    assert row["exact"] < 1.001 * distance(np.array(theirs))


def test_residuals_are_what_the_errors_are_made_of() -> None:
    """Eq. (385): all three errors are roots of sums of squares, with a mean and with zeros among the eigenvalues."""
    rng = np.random.default_rng(1)
    for solver, mean, end in (("euler_maruyama", [1.0, -2.0, 0.5], "sigma_min"), ("dpmpp_2m_sde", None, "zero")):
        data = Spectrum.create([2.0, 0.3, 0.0], mean=mean)
        ask = Problem.create(data, PROCESSES["vp_linear"](), SOLVERS[solver](), 5, 40, 0.01, end)
        study = NoiseStudy(ask, SCHEDULES["karras"]().grid(ask.span))
        etas = rng.uniform(0, 1, (4, 5))
        assert study.errors.stacks
        for objective in NOISE_OBJECTIVES:
            total = (study.errors.residuals(objective, etas) ** 2).sum(axis=1)
            np.testing.assert_allclose(np.sqrt(total), study.errors.many(objective, etas), rtol=1e-10)

