"""Leading-order-optimal grids against numerical optima and one-eigenvalue laws (theory.md, eqs. 70-74)."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, optimize

from diffopt.asymptotics.density import optimal_density
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.objectives.frechet import Discretization, Frechet
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.schedules.spectral.leading_order import LeadingOrder
from diffopt.solvers import SOLVERS, run_table

LEADING = {name: cls for name, cls in SCHEDULES.items() if issubclass(cls, LeadingOrder)}
#: Covariances of natural images fall like a power: 300 directions over seven decades.
SPECTRUM = Spectrum.create(200.0 * np.arange(1, 301.0) ** -2.8)
VE = PROCESSES["ve"]()


def ask(name: str, steps: int, end: str, process=VE, high=80.0, low=0.002, spectrum=SPECTRUM) -> Grid:
    return SCHEDULES[name]().grid(Span(process, steps, high, low, end, spectrum))


def test_every_density_is_listed() -> None:
    assert set(LEADING) == {"first_order", "first_order_heun", "first_order_2m"}


@pytest.mark.parametrize("steps", [1, 3, 10, 40])
def test_one_eigenvalue_gives_the_tangent_law(steps: int) -> None:
    """Eqs. (38), (71): uniform in arctan(sigma/sqrt(eig)) on every grid, to quadrature."""
    grid = ask("first_order", steps, "sigma_min", spectrum=Spectrum.create([2.0]))
    angles = np.linspace(np.arctan(80 / np.sqrt(2)), np.arctan(0.002 / np.sqrt(2)), steps + 1)
    np.testing.assert_allclose(grid.sigmas, np.sqrt(2) * np.tan(angles), rtol=2e-3)


def test_one_eigenvalue_heun_density() -> None:
    """Eq. (62): rho ~ (eig sigma)^(1/3)/(eig + sigma^2), against scipy's quadrature."""
    sigmas = ask("first_order_heun", 6, "sigma_min", spectrum=Spectrum.create([2.0])).sigmas

    def density(s: float) -> float:
        return s ** (1 / 3) / (2 + s**2)

    shares = [integrate.quad(density, b, a, limit=200)[0] for a, b in pairwise(sigmas)]
    np.testing.assert_allclose(shares, np.mean(shares), rtol=5e-3)


def test_the_fixed_point_is_a_minimum() -> None:
    """Eq. (70): no perturbation of the density lowers sum w (int kappa/rho)^2."""
    kappa = lambda s, eig: eig / (eig + s**2) ** 2  # noqa: E731
    density = optimal_density(SPECTRUM, kappa, 1, 80.0, 0.01)
    sigma, rho = density.sigma, np.gradient(density.cumulative, density.sigma)
    weight = SPECTRUM.weight * (SPECTRUM.eig + 1e-4)

    def value(r: np.ndarray) -> float:
        r = r / integrate.trapezoid(r, sigma)
        inner = integrate.trapezoid(kappa(sigma[:, None], SPECTRUM.eig) / r[:, None], sigma, axis=0)
        return float(weight @ inner**2)

    best = value(rho)
    for shift in np.random.default_rng(0).standard_normal((5, 4)):
        x = np.log(sigma / 80) / np.log(0.01 / 80)
        bump = np.exp(0.05 * sum(c * np.cos(np.pi * (i + 1) * x) for i, c in enumerate(shift)))
        assert value(rho * bump) > best * (1 - 1e-5)


def numerical_optimum(solver, grid: Grid, objective, fixed: int) -> float:
    """Nelder-Mead-free descent: L-BFGS on logits of the gaps of log sigma, started from the schedule's grid."""
    top, last = np.log(grid.sigmas[0]), np.log(grid.sigmas[fixed])
    gaps = -np.diff(np.log(grid.sigmas[: fixed + 1]))

    def sigmas(logits: np.ndarray) -> np.ndarray:
        share = np.exp(logits - logits.max())
        levels = np.exp(top - np.concatenate([[0], np.cumsum(share / share.sum()) * (top - last)]))
        levels[0], levels[-1] = grid.sigmas[0], grid.sigmas[fixed]
        return np.concatenate([levels, grid.sigmas[fixed + 1 :]])

    def value(logits: np.ndarray) -> float:
        return objective.value(run_table(solver, Grid.create(VE, sigmas(logits))), SPECTRUM, "exact")

    found = optimize.minimize(value, np.log(gaps), method="L-BFGS-B", options={"maxiter": 60, "maxfun": 4000})
    return float(found.fun)


@pytest.mark.parametrize(
    ("name", "solver", "tolerance"), [("first_order", "euler", 0.005), ("first_order_heun", "heun", 0.01)]
)
def test_close_to_the_numerical_optimum_at_20_steps(name: str, solver: str, tolerance: float) -> None:
    grid, goal = ask(name, 20, "sigma_min"), Discretization()
    own = goal.value(run_table(SOLVERS[solver](), grid), SPECTRUM, "exact")
    best = numerical_optimum(SOLVERS[solver](), grid, goal, 20)
    assert best <= own <= best * (1 + tolerance)


@pytest.mark.parametrize(("name", "solver"), [("first_order", "euler"), ("first_order_heun", "heun")])
def test_last_level_before_zero_is_sensible(name: str, solver: str) -> None:
    """Eq. (74): with end = zero no other last level on the same density is better, nor are the fixed rules."""
    grid, goal = ask(name, 12, "zero"), Frechet()
    own = goal.value(run_table(SOLVERS[solver](), grid), SPECTRUM, "exact")
    schedule = LEADING[name]()
    density = schedule.continuous(Span(VE, 12, 80.0, 0.002, "zero", SPECTRUM))
    for last in np.geomspace(0.002, 2.0, 25):
        other = Grid.create(VE, np.append(density.levels(12, last), 0.0))
        assert own <= goal.value(run_table(SOLVERS[solver](), other), SPECTRUM, "exact") * (1 + 2e-3)
    for rule in ("karras", "exponential", "kl_optimal"):
        assert own < goal.value(run_table(SOLVERS[solver](), ask(rule, 12, "zero")), SPECTRUM, "exact")


@pytest.mark.parametrize("name", LEADING)
def test_constant_of_the_leading_order(name: str) -> None:
    """Doubling N divides the error by 2^p on the same density."""
    solver = SOLVERS[LEADING[name].solver]()
    errors = [
        Discretization().value(run_table(solver, ask(name, n, "sigma_min", low=0.05)), SPECTRUM, "exact")
        for n in (400, 800)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(solver.law_order, abs=0.1)


@pytest.mark.parametrize("steps", [1, 2, 5, 50])
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
@pytest.mark.parametrize("name", LEADING)
@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
def test_grids_are_valid_for_any_number_of_steps(name: str, end: str, steps: int, process: str) -> None:
    kind = PROCESSES[process]()
    grid = ask(name, steps, end, kind, min(80.0, kind.sigma_limits[0]))
    assert grid.steps == steps
    assert grid.sigmas[-1] == (0.0 if end == "zero" else 0.002)


def test_pure_noise_and_process_independence() -> None:
    """In sigma the rule is the same for every process; flow may start at infinite sigma."""
    grids = [ask("first_order", 9, "zero", PROCESSES[p]()).sigmas for p in ("ve", "vp_linear", "flow")]
    np.testing.assert_allclose(grids[0], grids[1], rtol=1e-6)
    np.testing.assert_allclose(grids[0], grids[2], rtol=1e-6)
    pure = ask("first_order", 9, "zero", PROCESSES["flow"](), np.inf).sigmas
    assert np.isinf(pure[0])
    assert np.all(np.isfinite(pure[1:]))


def test_milliseconds_and_nesting() -> None:
    """One density serves every N: the levels of N = 10 are every other level of N = 20."""
    started = time.perf_counter()
    coarse, fine = ask("first_order", 10, "sigma_min").sigmas, ask("first_order", 20, "sigma_min").sigmas
    assert time.perf_counter() - started < 2.0
    np.testing.assert_allclose(fine[::2], coarse, rtol=1e-9)


def test_needs_a_spectrum() -> None:
    with pytest.raises(UnsupportedError, match="spectrum"):
        SCHEDULES["first_order"]().grid(Span(VE, 5, 80.0, 0.002))
