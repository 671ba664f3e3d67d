"""Schemes given by step maps: gradients, orders, and the sampler they describe (theory.md, eqs. 80-86)."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import integrate
from solver_oracles import LINEARIZED, RANDOM

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.krylov import apply_function
from diffopt.foundation.phi import phi1, phi2
from diffopt.law.gradient import Design, DifferentiableTable
from diffopt.law.law import Law
from diffopt.objectives import OBJECTIVES
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample

SPECTRUM = Spectrum.create([6.0, 1.3, 0.2], mean=[1.0, -0.5, 0.3])
MAPPED = (*RANDOM, *LINEARIZED)
SECOND_ORDER = ("heun_sde", "sra1", *RANDOM, "local_linearization_time")
CLOCKS = ("sigma", "variance", "logsnr", "time")
SIGMAS = np.array([6.0, 3.1, 1.7, 0.8, 0.35, 0.2])


def test_every_scheme_of_maps_is_listed() -> None:
    """Eq. (80) is for these and no others."""
    grid = Grid.create(PROCESSES["ve"](), SIGMAS)
    plain = {name: cls for name, cls in SOLVERS.items() if not cls.needs_data}
    listed = {name for name, cls in plain.items() if run_table(cls(), grid).maps is not None}
    missing = "tests/solver_oracles.py: RANDOM and LINEARIZED name the schemes of maps; no other test sees their steps"
    assert listed == set(MAPPED), missing


@pytest.mark.parametrize("objective", ["frechet", "kl_discretization", "robust"])
@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", [*MAPPED, "heun_sde", "sra1"])
@pytest.mark.parametrize("start", ["exact", "sigma"])
def test_gradient_is_that_of_finite_differences(name: str, clock: str, objective: str, start: str) -> None:
    process, solver, goal = PROCESSES["vp_linear"](), SOLVERS[name](clock=clock), OBJECTIVES[objective]()
    eta = np.linspace(0.4, 1.1, 5)
    spectrum = goal.prepare(SPECTRUM)

    def value(log_sigma: np.ndarray, etas: np.ndarray) -> float:
        return goal.value(run_table(solver, Grid.create(process, np.exp(log_sigma)), etas), spectrum, start)

    base = np.log(SIGMAS)
    table = DifferentiableTable(solver, process, Design(np.exp(base), eta, eta_free=True))
    assert goal.value_and_bars(table.table, spectrum, start)[0] == pytest.approx(value(base, eta), rel=1e-12)
    by_grid, by_eta, _ = table.gradient(goal.value_and_bars(table.table, spectrum, start)[1])
    h = 1e-5
    numeric = [(value(base + h * e, eta) - value(base - h * e, eta)) / (2 * h) for e in np.eye(6)]
    numeric_eta = [(value(base, eta + h * e) - value(base, eta - h * e)) / (2 * h) for e in np.eye(5)]
    scale = np.max(np.abs(numeric)) + np.max(np.abs(numeric_eta))
    np.testing.assert_allclose(by_grid, numeric, atol=1e-6 * scale)
    np.testing.assert_allclose(by_eta, numeric_eta, atol=1e-6 * scale)


def gaussian(eig: np.ndarray, mean: np.ndarray):
    """Denoiser, score and Jacobian product of N(mean, diag eig)."""

    def gain(alpha: float, level: float) -> np.ndarray:
        return alpha * eig / (alpha**2 * eig + level**2)

    def denoiser(z, alpha, level):
        return mean + gain(alpha, level) * (z - alpha * mean)

    def score(z, alpha, level):
        return -(z - alpha * mean) / (alpha**2 * eig + level**2)

    def jacobian(z, alpha, level, direction):
        return gain(alpha, level) * direction

    return denoiser, score, jacobian


@pytest.mark.parametrize("clock", ["sigma", "time"])
@pytest.mark.parametrize("name", MAPPED)
def test_sampler_has_the_predicted_law(name: str, clock: str) -> None:
    """Eqs. (82)-(86) against the real loop: mean and variance within 5 standard errors."""
    process, solver = PROCESSES["vp_linear"](), SOLVERS[name](clock=clock)
    table = run_table(solver, Grid.create(process, SIGMAS), 0.8)
    rng = np.random.default_rng(7)
    denoiser, score, jacobian = gaussian(SPECTRUM.eig, SPECTRUM.mean)
    # A random fraction is shared by a batch, so batches are what is independent for those schemes.
    batches, size = (500, 100) if name in RANDOM else (10, 2_000)
    ends = []
    for _ in range(batches):
        x0 = SPECTRUM.mean + np.sqrt(SPECTRUM.eig) * rng.standard_normal((size, 3))
        start = table.alpha[0] * x0 + table.level[0] * rng.standard_normal((size, 3))
        ends.append(sample(table, denoiser, start, rng, score, jacobian))
    law = Law(table, SPECTRUM, "exact")
    target = (table.alpha[-1] + law.mean_gap) * SPECTRUM.mean
    square = np.array([((end - target) ** 2).mean(axis=0) for end in ends])
    error = square.std(axis=0) / np.sqrt(batches)
    np.testing.assert_array_less(np.abs(square.mean(axis=0) - law.variance), 5 * error)
    mean = np.array([end.mean(axis=0) for end in ends])
    np.testing.assert_array_less(np.abs(mean.mean(axis=0) - target), 5 * mean.std(axis=0) / np.sqrt(batches))


@pytest.mark.parametrize("name", MAPPED)
def test_without_noise_the_sampler_is_the_map(name: str) -> None:
    """At eta = 0 and a fixed fraction the loop is linear with the law's multiplier, eqs. (83)-(86)."""
    process, solver = PROCESSES["ve"](), SOLVERS[name](clock="sigma")
    table = run_table(solver, Grid.create(process, SIGMAS[:2]), 0.0)
    denoiser, score, jacobian = gaussian(SPECTRUM.eig, np.zeros(3))
    out = sample(table, denoiser, np.ones((1, 3)), None, score, jacobian)[0]
    pair = table.maps.numbers(table.maps.points.ends(), table.maps.eta, np.array([0.5]))
    numbers = {key: np.ravel(value)[0] for key, value in pair.items()}
    np.testing.assert_allclose(
        out, table.maps.law(numbers, SPECTRUM.eig)[0], rtol=1e-4 if name == LINEARIZED[1] else 1e-9
    )


def test_linearization_asks_for_the_jacobian() -> None:
    table = run_table(SOLVERS["local_linearization"](), Grid.create(PROCESSES["ve"](), SIGMAS))
    with pytest.raises(UnsupportedError, match="jacobian="):
        sample(table, lambda z, a, s: z, np.ones((1, 3)), np.random.default_rng(0))


@pytest.mark.parametrize(("name", "calls"), [(n, 2) for n in (*RANDOM, "local_linearization")] + [(LINEARIZED[1], 3)])
def test_jacobian_products_count_as_calls(name: str, calls: int) -> None:
    assert run_table(SOLVERS[name](), Grid.create(PROCESSES["ve"](), SIGMAS)).calls == 5 * calls


@pytest.mark.parametrize(("last", "eig"), [(3.0, 1.3), (0.15, 1.3), (0.15, 1e-4), (0.0, 1.3), (0.0, 0.01)])
@pytest.mark.parametrize("name", RANDOM)
def test_quadrature_over_the_fraction_is_exact(name: str, last: float, eig: float) -> None:
    """Eq. (81): the averages of eqs. (82)-(84) against an adaptive integral over U, on a coarse grid."""
    process, solver = PROCESSES["ve"](), SOLVERS[name](clock="sigma")
    table = run_table(solver, Grid.create(process, [SIGMAS[0], last]), 1.0)
    law = Law(table, Spectrum.create([eig]), "exact")
    start = eig + SIGMAS[0] ** 2

    def second_moment(u: float) -> float:
        named = table.maps.numbers(table.maps.points.ends(), table.maps.eta, np.array([float(u)]))
        m, n, _ = table.maps.law({k: np.ravel(v)[0] for k, v in named.items()}, np.array([eig]))
        return float(m[0] ** 2 * start + n[0])

    truth = integrate.quad(second_moment, 0, 1, epsabs=0, epsrel=1e-12, limit=400)[0]
    assert law.variance[0] == pytest.approx(truth, rel=1e-9 if last == 3 else 1e-6)


@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("name", [*SECOND_ORDER, "local_linearization"])
def test_order_in_the_frechet_distance(name: str, clock: str, eta: float, process: str) -> None:
    """Eqs. (75)-(78), (80)-(86): order 2, and 1 with a frozen Jacobian, also of the mean."""
    kind, solver = PROCESSES[process](), SOLVERS[name](clock=clock)
    errors = []
    for steps in (400, 800):
        table = run_table(solver, Grid.create(kind, np.geomspace(8.0, 0.1, steps + 1)), eta)
        errors.append(OBJECTIVES["discretization"]().value(table, SPECTRUM, "exact"))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(SOLVERS[name].law_order, abs=0.13)


@pytest.mark.parametrize("x", [-30.0, -2.0, -0.9, -1e-3, 0.0, 1e-9, 0.99, 1.01, 5.0])
def test_phi_functions(x: float) -> None:
    mpmath.mp.dps = 40
    one = mpmath.expm1(x) / x if x else mpmath.mpf(1)
    two = (mpmath.expm1(x) - x) / mpmath.mpf(x) ** 2 if x else mpmath.mpf(0.5)
    assert float(phi1(np.array(x))) == pytest.approx(float(one), rel=1e-14)
    assert float(phi2(np.array(x))) == pytest.approx(float(two), rel=4e-15 / min(1, abs(x) or 1) if x > 1 else 2e-14)


def test_lanczos_function_of_a_matrix() -> None:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((9, 9))
    matrix = root @ root.T - 2 * np.eye(9)
    values, vectors = np.linalg.eigh(matrix)
    b = rng.standard_normal((4, 9))
    out = apply_function(lambda rows: rows @ matrix, lambda k: np.exp(-k), b)
    np.testing.assert_allclose(out, b @ (vectors * np.exp(-values)) @ vectors.T, rtol=1e-9, atol=1e-9)
