"""Decisions of the optimizer and of the studies that an audit found wrong, on objectives written here by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from problems import make
from scipy.optimize import minimize

from diffopt.data.spectrum import Spectrum
from diffopt.documents.spectrum_file import load_spectrum
from diffopt.errors import InputError
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.objectives.robust import Robust
from diffopt.processes import VE, VPLinear
from diffopt.processes.grid import Grid
from diffopt.schedules import SCHEDULES
from diffopt.search.descent import optimize
from diffopt.search.lbfgs import descend
from diffopt.search.search import WALL, Search
from diffopt.search.variables import GridBlock, State
from diffopt.solvers import run_table
from diffopt.studies.orders import convergence
from diffopt.studies.strong import strong_error

INDEX = np.arange(1, 13)


def karras(n: int, high: float, low: float) -> np.ndarray:
    r = 1 / 7
    return (high**r + np.linspace(0, 1, n + 1) * (low**r - high**r)) ** 7


def maruyama_w2(eig: np.ndarray, sigmas: np.ndarray, eta: float) -> float:
    """Euler-Maruyama of the reverse SDE of sigma itself, dx = (1 + eta^2) (x - D)/sigma dsigma + eta sqrt(2 sigma) dW."""
    v = eig + sigmas[0] ** 2
    for a, b in zip(sigmas[:-1], sigmas[1:], strict=True):
        pull = (1 + eta**2) * (a - b) / a * (1 - eig / (eig + a**2))
        v = (1 - pull) ** 2 * v + eta**2 * 2 * a * (a - b)
    return float(np.sqrt(np.sum((np.sqrt(v) - np.sqrt(eig)) ** 2)))


def sde_2m_w2(eig: np.ndarray, sigmas: np.ndarray) -> float:
    """k-diffusion's sample_dpmpp_2m_sde, midpoint, eta = 1, as a linear map of (x_0, noises) per eigenvalue."""
    total, n = 0.0, len(sigmas) - 1
    for e in eig:
        x = np.zeros(n + 1)
        x[0] = math.sqrt(e + sigmas[0] ** 2)
        old, h_last = None, None
        for k, (a, b) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
            d, h = e / (e + a**2) * x, math.log(a / b)
            keep = b / a * math.exp(-h)
            new = keep * x - math.expm1(-2 * h) * d
            if old is not None:
                new = new - 0.5 * math.expm1(-2 * h) * h / h_last * (d - old)
            new[k + 1] += b * math.sqrt(-math.expm1(-2 * h))
            x, old, h_last = new, d, h
        total += (math.sqrt(x @ x) - math.sqrt(e)) ** 2
    return math.sqrt(total)


FRECHET = OBJECTIVES["frechet"]()


def test_a_free_eta_is_not_left_at_zero() -> None:
    """At eta = 0 the slope by eta is 0; a scan of 4000 etas on the literal loop finds the optimum near 0.269."""
    eig = 3 / np.arange(1, 9) ** 1.5
    problem = Problem.create(Spectrum.create(eig), VE(), make("euler_maruyama", "time"), 6, 20.0, 0.01, "sigma_min")
    for start in (0.0, None, 1.5):
        found = optimize(problem, FRECHET, ["eta"], start, SCHEDULES["karras"]())
        best = min(maruyama_w2(eig, karras(6, 20.0, 0.01), eta) for eta in np.linspace(0, 4, 4001))
        assert maruyama_w2(eig, found.grid.sigmas, found.eta[0]) <= best * (1 + 1e-4)
        assert found.value == pytest.approx(maruyama_w2(eig, found.grid.sigmas, found.eta[0]), rel=1e-6)


@pytest.mark.parametrize("objective", ["robust", "kl"])
@pytest.mark.parametrize("solver", ["ddim", "euler_maruyama", "exponential_integrator"])
def test_a_free_eta_is_not_beaten_by_a_scan(solver: str, objective: str) -> None:
    """Every local optimum along eta is looked at, whatever the default is."""
    eig = Spectrum.create(3 / np.arange(1, 9) ** 1.5)
    problem = Problem.create(eig, VPLinear(), make(solver), 6, 20.0, 0.01, "sigma_min")
    thing = OBJECTIVES[objective]()
    found = optimize(problem, thing, ["eta"], None, SCHEDULES["karras"]())
    search = Search(problem, thing, ["eta"], None, SCHEDULES["karras"]())
    start = search.starts()["karras"]
    states = [State(start.sigma, np.full(6, eta), start.process, start.solver) for eta in np.linspace(0, 4, 401)]
    assert found.value <= search.scorer.scores(states).min() * (1 + 1e-9)


@pytest.mark.parametrize(
    ("eig", "grid"),
    [
        (4 / INDEX, [80, 15.1788, 7.74458, 1.18506, 0.265429, 0.0543145, 0.002]),
        (4 / INDEX**0.5, [80, 18.5795, 11.9901, 1.60684, 0.36374, 0.0766049, 0.002]),
    ],
)  # fmt: skip
def test_multistep_optima_are_global(eig: np.ndarray, grid: list[float]) -> None:
    """Grids found by differential evolution on the loop above are not better by more than 0.1 %."""
    problem = Problem.create(Spectrum.create(eig), VE(), make("dpmpp_2m_sde"), 6, 80.0, 0.002, "sigma_min")
    found = optimize(problem, FRECHET)
    assert sde_2m_w2(eig, found.grid.sigmas) <= sde_2m_w2(eig, np.array(grid)) * 1.001
    assert found.value == pytest.approx(sde_2m_w2(eig, found.grid.sigmas), rel=1e-6)


@pytest.mark.parametrize(("steps", "eig"), [(3, 4.0 / INDEX), (3, 4.0 / INDEX**2)])
def test_points_never_merge(steps: int, eig: np.ndarray) -> None:
    """Where the optimum would use fewer steps, points keep a distance, and the result says so."""
    problem = Problem.create(Spectrum.create(eig), VE(), make("unipc"), steps, 80.0, 0.002, "sigma_min")
    found = optimize(problem, FRECHET)
    assert np.min(-np.diff(np.log(found.grid.sigmas))) > 1e-5
    assert found.grid.sigmas[0] == 80.0 and found.grid.sigmas[-1] == 0.002
    assert "at the bound of the search" in found.message


@pytest.mark.parametrize(("eig", "low", "known"), [((1, 1e-16), 1e-10, 0.1937), ((1e6, 1e-14), 1e-9, 0.02608)])
def test_wide_spectra_are_searched_down_to_sigma_min(eig: tuple[float, float], low: float, known: float) -> None:
    """Euler, kl, N = 8: the small direction needs levels far below 1e-6; values by the literal product."""
    problem = Problem.create(Spectrum.create(eig), VE(), make("euler"), 8, 80.0, low, "sigma_min")
    sigmas = optimize(problem, OBJECTIVES["kl"]()).grid.sigmas
    total = 0.0
    for e in eig:
        gain = np.prod([(e + a * b) / (e + a**2) for a, b in zip(sigmas[:-1], sigmas[1:], strict=True)])
        r = e / (gain**2 * (e + 80.0**2))
        total += 0.5 * (r - 1 - math.log(r))
    assert total <= known * 1.001


def test_one_step_of_a_family() -> None:
    """One step from sigma_max to 0 is the only grid there is."""
    problem = Problem.create(Spectrum.create(4.0 / INDEX), VE(), make("euler"), 1, 80.0, 0.002)
    assert optimize(problem, OBJECTIVES["robust"](), ["family"]).grid.sigmas.tolist() == [80.0, 0.0]


def test_a_share_near_zero_is_pushed_inside() -> None:
    """A start with a point at sigma_min gets a gap of 0.3 of an equal share, so that it has a slope."""
    problem = Problem.create(Spectrum.create([1.0]), VE(), make("euler"), 5, 80.0, 0.01)
    block = GridBlock(problem)
    state = State(np.array([80.0, 10.0, 3.0, 1.0, 0.01, 0.0]), np.zeros(5), VE(), problem.solver)
    gap = math.log(block.apply(block.start(state), state).sigma[4] / 0.01)
    assert gap == pytest.approx(0.3 / 1.3 * math.log(80 / 0.01) / 5, rel=0.25)


def test_a_design_without_a_value_is_a_wall() -> None:
    """A process that falls short of the range is worse than everything."""
    problem = Problem.create(Spectrum.create([1.0]), VPLinear(), make("euler"), 5, 80.0, 0.01)
    search = Search(problem, FRECHET, ["family"], schedule=SCHEDULES["karras"]())
    x = np.clip(np.full(len(search.bounds), -3.0), *np.array(search.bounds).T)
    assert search.loss(x, search.starts()["karras"])[0] == WALL > 700


def test_a_stalled_search_is_restarted() -> None:
    """L-BFGS alone stops at the kinks of sum |x_i| + a valley; restarted it goes on."""
    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        value = abs(x[0] - x[1]) * 10 + (x[0] - 1) ** 2 + (x[1] - 1) ** 2
        slope = 10 * np.sign(x[0] - x[1]) * np.array([1.0, -1.0]) + 2 * (x - 1)
        return value, slope

    start, bounds = np.array([-4.0, 7.0]), [(-10.0, 10.0)] * 2
    once = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    found = descend(loss, start, bounds, 1e-9)
    assert found is not None and found.value <= once.fun


def test_a_probe_gives_up_early() -> None:
    """A later start that is not better after its probe ends there."""
    calls = []

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        calls.append(1)
        return float(100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2), np.array(
            [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)]
        )

    assert descend(loss, np.array([-1.2, 1.0]), [(-5.0, 5.0)] * 2, 1e-9, -1.0, 8) is None
    assert len(calls) < 30


def test_the_ensemble_leans_to_small_variances() -> None:
    """Eq. (34): shares fall like c^-0.2, so that neighbouring scales differ by 2^0.2."""
    made = Robust().prepare(Spectrum.create([1.0]))
    weight = made.weight[np.argsort(-made.eig)]
    np.testing.assert_allclose(weight[1:] / weight[:-1], 2**0.2, rtol=1e-12)


def test_small_negative_eigenvalues_that_are_not_rounding() -> None:
    """1e-5 of the largest is no rounding."""
    with pytest.raises(InputError, match="negative"):
        Spectrum.create([1.0, -1e-5])


def test_numerical_rank(tmp_path: Path) -> None:
    """Eq. (103): molecules without centre of mass have 3 null directions, from a matrix and from its eigenvalues."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((500, 6, 3)) * 1.3
    x -= x.mean(1, keepdims=True)
    covariance = np.cov(x.reshape(500, -1).T)
    np.save(tmp_path / "cov.npy", covariance)
    loaded = load_spectrum(str(tmp_path / "cov.npy"))
    assert loaded.rank == 15 and np.count_nonzero(loaded.eig == 0) == 3
    assert loaded.eig[0] / loaded.eig[14] < 3 and loaded.clipped <= 3
    values = np.array([2.0, 1.0, 3e-16, -2e-16])
    assert Spectrum.create(values).rank == 2
    assert Spectrum.create(values).clipped == 2
    assert Spectrum.create([1.0, 1e-17]).rank == 2
    assert Spectrum.create([1.0, 1e-17], computed=True).rank == 1
    assert Spectrum.create([1.0, 1e-9, -1e-9]).rank == 2


@pytest.mark.parametrize("name", ["euler_maruyama", "local_linearization", "randomized_midpoint", "ddim"])
def test_strong_error_with_a_mean(name: str) -> None:
    """Eqs. (87), (104): never below the distance of the laws."""
    data = Spectrum.create([1.0, 0.3], None, [5.0, 3.0])
    grid = Grid.create(VPLinear(), karras(16, 80.0, 0.05))
    solver = make(name)
    eta = solver.default_eta
    strong = strong_error(solver, grid, data, eta, paths=4000).error
    w2 = OBJECTIVES["discretization"]().value(run_table(solver, grid, eta), data, "exact")
    assert strong >= w2 * 0.99


def test_the_mean_part_of_the_strong_error() -> None:
    """Euler-Maruyama in the time of vp_linear on the mean alone: beta by hand, S = -(z - alpha mu)/v."""
    process, mu = VPLinear(), np.array([5.0, 3.0])
    sigmas = karras(16, 80.0, 0.05)
    grid = Grid.create(process, sigmas)
    t = grid.times
    level = lambda t: math.exp(-0.5 * (0.1 * t + 0.5 * 19.9 * t * t))  # noqa: E731
    eig = np.array([1.0, 0.3])
    e = np.zeros(2)
    for a, b in zip(t[:-1], t[1:], strict=True):
        beta, alpha = 0.1 + 19.9 * a, level(a)
        v = alpha**2 * eig + 1 - alpha**2
        # Deviation from the track alpha mu, per unit mu: the score is -(deviation)/v.
        e = e + (a - b) * (beta / 2 * (alpha + e) - beta * e / v) + alpha - level(b)
    solver = make("euler_maruyama")
    whole = strong_error(solver, grid, Spectrum.create(eig, None, mu), 1.0, paths=2000).square.mean()
    centred = strong_error(solver, grid, Spectrum.create(eig), 1.0, paths=2000).square.mean()
    shift = float(np.sum((mu * e) ** 2))
    assert whole - centred == pytest.approx(shift, abs=4 * math.sqrt(centred * shift / 2000) + 1e-9)


def test_steps_needed_are_not_a_zero_crossing() -> None:
    """A signed error that crosses zero at N = 4 is about 1 for N = 5 to 9: every N from `needed` on is within."""
    data = Spectrum.create([4.0, 0.3, 0.05])
    problem = Problem.create(data, VE(), make("dpmpp_2m"), 10, None, 0.02)
    row = convergence(problem, SCHEDULES["karras"](), "weak", 0.01 / math.sqrt(data.trace))
    assert row.needed is not None and row.accuracy == pytest.approx(0.01)

    def error(n: int) -> float:
        sigmas, total = karras(n, 80.0, 0.02), 0.0
        for e in data.eig:
            x, old, last = math.sqrt(e + 80.0**2), None, None
            for a, b in zip(sigmas[:-1], sigmas[1:], strict=True):
                d, h = e / (e + a**2) * x, math.log(a / b)
                used = d if old is None else d + h / (2 * last) * (d - old)
                x, old, last = b / a * x + (1 - b / a) * used, d, h
            total += x * x - (e + 0.02**2)
        return abs(total)

    assert error(row.needed - 1) > 0.01
    assert all(error(n) <= 0.01 for n in range(row.needed, 3 * row.needed))


@pytest.mark.parametrize(("solver", "end"), [("euler", "zero"), ("ddpm", "zero"), ("heun", "sigma_min")])
def test_sigma_min_of_zero(solver: str, end: str) -> None:
    """Named rules that reach 0 one level early are no starts; the result is not worse than the rest."""
    problem = Problem.create(Spectrum.create(4.0 / INDEX), VE(), make(solver), 3, 80.0, 0.0, end)
    found = optimize(problem, OBJECTIVES["robust"]())
    assert found.grid.sigmas.size == 4 and found.grid.sigmas[-1] == 0
    assert found.value <= min(found.scores.values()) * (1 + 1e-12)


@pytest.mark.parametrize("top", [1e-120, 1e130])
def test_scales_whose_squares_overflow_are_refused(top: float) -> None:
    """One line that names the range."""
    with pytest.raises(InputError, match="rescale"):
        Spectrum.create([top, top / 3])
