"""Averages over a random fraction that come from a few sums, and where searches among kinks end."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import integrate, optimize

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.phi import phi1, phi1_slope, phi2
from diffopt.foundation.quasi_newton import minimize
from diffopt.law.gradient import Design, DifferentiableTable
from diffopt.law.map_response import respond
from diffopt.objectives import OBJECTIVES
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.panels import Panels

EIG = np.array([30.0, 1.0, 0.02, 1e-4])
SIGMAS = np.array([20.0, 9.0, 1.1, 0.7, 0.05, 0.0])


def literal(eig: float, high: float, low: float, eta: float) -> tuple[float, float, float]:
    """E m, Var m and E n of one step of the randomized exponential midpoint on `ve` in its time, by scipy's quadrature."""
    a, h = (1 + eta**2) / 2, high - low

    def branch(u: float) -> tuple[float, float]:
        sigma = high - u * h
        inner = high**2 - sigma**2
        kick = h * a * 2 * sigma / (eig + sigma**2)
        m = 1 - kick * (1 - a * inner / (eig + high**2))
        # Of the noise W to the end, the part up to the stage is lowered by the kick.
        return m, eta**2 * (inner * (1 - kick) ** 2 + sigma**2 - low**2)

    def mean(f) -> float:
        return integrate.quad(f, 0, 1, epsabs=0, epsrel=1e-12, limit=500, points=[0.9, 0.99, 0.999])[0]

    m = mean(lambda u: branch(u)[0])
    return m, mean(lambda u: (branch(u)[0] - m) ** 2), mean(lambda u: branch(u)[1])


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_averages_are_those_of_a_literal_step(eta: float) -> None:
    """Eqs. (400) and (401), every step and eigenvalue: the last step ends at the data."""
    table = run_table(SOLVERS["randomized_exponential_midpoint"](), Grid.create(PROCESSES["ve"](), SIGMAS), eta)
    row = (found := respond(table, EIG)).rows[-1]
    for k, (high, low) in enumerate(zip(SIGMAS, SIGMAS[1:], strict=False)):
        for i, eig in enumerate(EIG):
            m, spread, n = literal(float(eig), float(high), float(low), eta)
            size = abs(m) + np.sqrt(spread) + 1e-12
            assert row.incoming[0][k, i] == pytest.approx(m, abs=1e-6 * size)
            assert row.spread[k, i] == pytest.approx(spread, rel=1e-5, abs=1e-10)
            assert found.injected[k, min(i, found.injected.shape[1] - 1)] == pytest.approx(n, rel=1e-6) if eta else True
    if not eta:
        assert not row.source


@pytest.mark.parametrize("objective", ["frechet", "robust"])
@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
@pytest.mark.parametrize("name", ["randomized_exponential_midpoint", "local_linearization"])
def test_derivatives_are_those_of_differences_of_values(name: str, process: str, objective: str) -> None:
    """Through eqs. (400) to (402): data without a mean, so that the sums are used; eta per step."""
    path, solver, goal = PROCESSES[process](), SOLVERS[name](), OBJECTIVES[objective]()
    data, sigmas = goal.prepare(Spectrum.create(EIG)), np.array([6.0, 3.1, 0.5, 0.2])
    eta = np.array([0.4, 1.1, 0.7])

    def value(logs: np.ndarray, etas: np.ndarray) -> float:
        return goal.value(run_table(solver, Grid.create(path, np.exp(logs)), etas), data, "exact")

    logs, h = np.log(sigmas), 1e-5
    table = DifferentiableTable(solver, path, Design(sigmas, eta, eta_free=True))
    by_grid, by_eta, _ = table.gradient(goal.value_and_bars(table.table, data, "exact")[1])
    grid = [(value(logs + h * e, eta) - value(logs - h * e, eta)) / (2 * h) for e in np.eye(4)]
    noise = [(value(logs, eta + h * e) - value(logs, eta - h * e)) / (2 * h) for e in np.eye(3)]
    scale = np.abs(grid).max() + np.abs(noise).max()
    np.testing.assert_allclose(by_grid, grid, atol=1e-7 * scale)
    np.testing.assert_allclose(by_eta, noise, atol=1e-7 * scale)


@pytest.mark.parametrize("x", [-200.0, -3.0, -1.0, -0.11, -0.09, -1e-3, 0.0, 1e-9, 0.7, 2.0, 40.0])
def test_the_slope_of_phi(x: float) -> None:
    """Eq. (402), by mpmath."""
    with mpmath.workdps(40):
        truth = mpmath.diff(lambda y: mpmath.expm1(y) / y if y else mpmath.mpf(1), mpmath.mpf(x) or mpmath.mpf(10) ** -12)
    at = np.array([x])
    assert float(phi1_slope(at, np.exp(at), phi1(at))[0]) == pytest.approx(float(truth), rel=1e-13)
    assert float(phi1(at)[0] - phi2(at)[0]) == pytest.approx(float(truth), rel=1e-11)


@pytest.mark.parametrize("pole", [1.0, 0.1, 1e-2])
def test_panels_integrate_what_has_a_pole_near_the_data(pole: float) -> None:
    """Eq. (81): 1/((reach - U)^2 + pole^2) has the integral of an arctangent; weights of every step are 1 together."""
    reach = np.array([50.0, 3.0, 1.4, 1.05, 1.0])
    panels = Panels.graded(reach)
    np.testing.assert_allclose(panels.per_step(panels.weight.sum(axis=1)), 1, rtol=1e-14)
    values = 1 / ((panels.per_row(reach)[:, None] - panels.nodes) ** 2 + pole**2)
    truth = (np.arctan(reach / pole) - np.arctan((reach - 1) / pole)) / pole
    np.testing.assert_allclose(panels.per_step((panels.weight * values).sum(axis=1)), truth, rtol=2e-8)


def counts_among_kinks(seed: int, count: int) -> tuple[int, int]:
    """A parabola and the mean of absolute values of linear functions: their minimum is that of a quadratic program."""
    rng, size = np.random.default_rng(seed), 6
    a, b = rng.standard_normal((count, size)), rng.standard_normal(count)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(0.5 * x @ x + np.abs(a @ x - b).mean()), x + a.T @ np.sign(a @ x - b) / count

    def beyond(sign: int) -> dict[str, object]:
        return {"type": "ineq", "fun": lambda z: z[size:] - sign * (a @ z[:size] - b)}

    truth = optimize.minimize(
        lambda z: 0.5 * z[:size] @ z[:size] + z[size:].mean(), np.concatenate([np.zeros(size), np.abs(b)]),
        jac=lambda z: np.concatenate([z[:size], np.full(count, 1 / count)]), method="SLSQP",
        constraints=[beyond(1), beyond(-1)], options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    start, bounds = np.ones(size), [(-9.0, 9.0)] * size
    blind = minimize(loss, start, bounds, 500, 1e-15, 1e-9)
    seeing = minimize(loss, start, bounds, 500, 1e-15, 1e-9, crawl=1e-9)
    assert truth.success and seeing.value == pytest.approx(truth.fun, abs=2e-8)
    return seeing.count, blind.count


@pytest.mark.parametrize("count", [12, 30])
def test_a_search_among_kinks_sees_beyond_them_and_ends_where_it_crawls(count: int) -> None:
    seeing, blind = np.sum([counts_among_kinks(seed, count) for seed in (2, 5, 7)], axis=0)
    assert seeing < 0.85 * blind
