"""The error budget against closed forms, dense algebra and simulation (theory.md, section 33)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, linalg

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.law.law import Law
from diffopt.law.paths import Paths
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.studies.budget.budget import REACH, TERMS, BudgetSetting, budget
from diffopt.studies.budget.diffusion import Diffusion
from diffopt.studies.budget.flow import ExactFlow
from diffopt.studies.budget.kernel import Quotients, Spread, wasserstein_kernel
from diffopt.studies.budget.langevin import Langevin
from diffopt.studies.budget.simulate import verify
from diffopt.studies.budget.training import ScoreTraining

SPECTRA = {
    "power": Spectrum.create(4.0 * np.arange(1, 6.0) ** -1.5),
    "white": Spectrum.create([1.0], weight=[5.0]),
    "spike": Spectrum.create([9.0, 0.3, 0.3, 0.3]),
    "geometric": Spectrum.create(2.0 * 3.0 ** -np.arange(5)),
    "deficient": Spectrum.create([2.0, 1.0, 0.0, 0.0]),
}
GRID = Grid.create(PROCESSES["ve"](), [4.0, 2.0, 1.0, 0.5, 0.25, 0.12])
TO_ZERO = Grid.create(PROCESSES["vp_linear"](), [4.0, 2.0, 1.0, 0.5, 0.25, 0.12, 0.0])


def settings(spectrum: Spectrum) -> dict[str, BudgetSetting]:
    heun, two = SOLVERS["heun"](), SOLVERS["dpmpp_2m"]()
    return {
        "heun": BudgetSetting(spectrum, Diffusion(heun, GRID, None, "sigma"), 200, ScoreTraining(0.002, 400)),
        "2m to zero": BudgetSetting(spectrum, Diffusion(two, TO_ZERO, None, "unit"), 300, ScoreTraining(0.0012, 750, 1.0)),
        "noise": BudgetSetting(
            spectrum, Diffusion(SOLVERS["euler_maruyama"](), GRID, 0.7, "exact"), 150, ScoreTraining(0.002, 300)
        ),
        "langevin": BudgetSetting(spectrum, Langevin(0.05, 0.6, 30, 4.0), 200, ScoreTraining(0.0005, 500)),
    }


@pytest.mark.parametrize("setting", ["heun", "2m to zero", "noise", "langevin"])
@pytest.mark.parametrize("name", SPECTRA)
def test_every_term_is_inside_its_simulated_interval(name: str, setting: str) -> None:
    """Eqs. (174) to (191): 3.3 standard errors, since twenty settings have four intervals each; the total within a tenth."""
    ask = settings(SPECTRA[name])[setting]
    found, seen = budget(ask), verify(ask, 100, seed=5)
    assert found.valid, found.reasons
    for term, estimate in seen.items():
        predicted = found.total if term == "total" else found.terms[term]
        half = (estimate.high - estimate.low) / 2 * 3.3 / 1.96
        assert abs(predicted - estimate.value) <= half + 1e-7, term
    assert found.total == pytest.approx(seen["total"].value, rel=0.1, abs=(seen["total"].high - seen["total"].low))


@pytest.mark.parametrize("n", [40, 160, 640])
def test_white_generalization_by_marchenko_pastur(n: int) -> None:
    """Eqs. (186), (189): the deviation from the exact limit law falls like 1/n and is below a tenth where it is said to be."""
    d = 40
    found = budget(BudgetSetting(Spectrum.create([1.0], weight=[d]), ExactFlow(80.0, 0.0), n))
    g = d / n
    low, high = (1 - np.sqrt(g)) ** 2, (1 + np.sqrt(g)) ** 2

    def density(x: float) -> float:
        return np.sqrt((high - x) * (x - low)) / (2 * np.pi * g * x) * np.sqrt(x)

    truth = 2 * d * (1 - integrate.quad(density, low, high, limit=200)[0])
    # Finite d adds d/(4 n) to the d^2/(4 n) of the limit.
    error = abs(found.terms["generalization"] - d / (4 * n) - truth) / truth
    assert error < 0.2 * g
    assert found.valid == (d / (2 * n) * (1 + 1 / d) <= REACH)


def test_generalization_is_the_closed_form() -> None:
    """Eq. (189) by the double sum over single directions."""
    eig = np.array([3.0, 1.0, 1.0, 0.2])
    expected = sum((1 + (i == j)) * a * b / (a + b) for i, a in enumerate(eig) for j, b in enumerate(eig)) / (2 * 70)
    found = budget(BudgetSetting(Spectrum.create([3.0, 1.0, 0.2], [1.0, 2.0, 1.0]), ExactFlow(80.0, 0.0), 70))
    assert found.terms["generalization"] == pytest.approx(expected, rel=1e-12)
    assert found.total == pytest.approx(expected, rel=1e-9)
    assert found.dominant == "generalization"


def test_stationary_descent_solves_its_moment_equations() -> None:
    """Eq. (178): the linear equations of the second moments, solved densely; the transient (179), (180) iterated."""
    lam, sigma, tau = np.array([2.0, 0.7, 0.1]), 0.8, 0.11
    c = lam + sigma**2
    rho = lam * sigma**2 / c
    matrix = np.diag(1 - 2 * tau * c + 2 * tau**2 * c**2) + tau**2 * np.outer(c, c)
    spectrum = Spectrum.create(lam)
    stationary, own = ScoreTraining(tau).variance(spectrum, sigma)
    for i in range(3):
        m = np.linalg.solve(np.eye(3) - matrix, tau**2 * rho[i] * c)
        np.testing.assert_allclose(stationary[i], m, rtol=1e-10)
    for count in (1, 7, 60):
        pairs, own = ScoreTraining(tau, count).variance(spectrum, sigma)
        for i in range(3):
            second = np.zeros(3)
            second[i] = (lam[i] / c[i]) ** 2
            for _ in range(count):
                second = matrix @ second + tau**2 * rho[i] * c
            second[i] -= (lam[i] / c[i] * (1 - tau * c[i]) ** count) ** 2
            expected = pairs[i].copy()
            expected[i] = own[i]
            np.testing.assert_allclose(expected, second, rtol=1e-9, atol=1e-15)
    assert not np.any(np.isnan(own))


def test_mirrored_entries_remember_the_symmetric_start() -> None:
    """Eq. (192): E of W_ij W_ji and of W_ii W_jj, iterated together from E W = 0."""
    lam, sigma, tau = np.array([2.0, 0.7]), 0.8, 0.11
    c = lam + sigma**2
    u, v = np.prod(lam / c), 0.0
    for count in range(1, 30):
        u, v = (x * (1 - tau * c.sum()) + tau**2 * np.prod(c) * (u + v) for x in (u, v))
        found = ScoreTraining(tau, count).mirrored(Spectrum.create(lam), sigma)
        assert found[0, 1] == pytest.approx(v, rel=1e-10)


def test_weights_are_repeated_directions() -> None:
    """Eqs. (178) to (180) and (182): multiplicities against one entry per direction."""
    short = Spectrum.create([2.0, 0.5], [2.0, 3.0])
    long = Spectrum.create([2.0, 2.0 * (1 + 1e-13), 0.5, 0.5 * (1 + 1e-13), 0.5 * (1 - 1e-13)])
    for training in (ScoreTraining(0.003), ScoreTraining(0.003, 200)):
        values = []
        for spectrum in (short, long):
            sampler = Diffusion(SOLVERS["heun"](), GRID, None, "sigma")
            values.append(budget(BudgetSetting(spectrum, sampler, 300, training)))
        assert values[0].total == pytest.approx(values[1].total, rel=1e-9)
        assert values[0].terms["optimization"] == pytest.approx(values[1].terms["optimization"], rel=1e-9)


def test_kernel_is_the_second_order_of_the_distance() -> None:
    """Eq. (182): scipy's matrix square roots at E and -E; first orders cancel."""
    rng = np.random.default_rng(1)
    v, t = np.array([3.0, 1.0, 0.4]), np.array([2.0, 1.1, 0.0])
    change = rng.standard_normal((3, 3))
    change = (change + change.T) * 1e-3

    def distance(covariance: np.ndarray) -> float:
        root = np.diag(np.sqrt(t))
        return np.trace(covariance) + t.sum() - 2 * np.sqrt(linalg.eigvalsh(root @ covariance @ root).clip(0)).sum()

    second = (distance(np.diag(v) + change) + distance(np.diag(v) - change)) / 2 - distance(np.diag(v))
    spread = Spread(change**2, np.diagonal(change) ** 2, np.zeros(3))
    assert wasserstein_kernel(v, t, spread, np.ones(3)).value(np.ones(3)) == pytest.approx(second, rel=1e-4)


@pytest.mark.parametrize("name", ["heun", "dpmpp_3m", "unipc", "dpmpp_2m_sde", "euler_maruyama", "dpmpp_sde"])
def test_paths_agree_with_the_law(name: str) -> None:
    """Eqs. (172), (174): output variance, and its change under a small error of the gains, by differences of exact laws."""
    eig = np.array([3.0, 0.4, 0.0])
    table = run_table(SOLVERS[name](), GRID)
    paths = Paths(table, eig, "sigma")
    np.testing.assert_allclose(paths.variance, Law(table, Spectrum.create(eig), "sigma").variance, rtol=1e-12)


def test_difference_quotients() -> None:
    """Eqs. (181), (193): V of Langevin, c^2/(c - gamma/2), has closed quotients; close eigenvalues included."""
    spectrum = Spectrum.create([2.0, 2.0 * (1 + 1e-5), 1.0, 0.3])
    gamma, sigma = 0.05, 0.6
    found = Quotients(Langevin(gamma, sigma), spectrum, None)
    c = spectrum.eig + sigma**2
    # c^2/(c - h) = c + h + h^2/(c - h), and 1/x has the quotients -1/(xy) and 1/(x x y).
    h, x = gamma / 2, c - gamma / 2
    np.testing.assert_allclose(found.first, 1 - h**2 / np.outer(x, x), rtol=1e-9)
    np.testing.assert_allclose(found.second, h**2 / (x[:, None] ** 2 * x[None, :]), rtol=2e-3)


def test_langevin_closed_forms() -> None:
    """Eqs. (183) to (185): stationary response against a dense Lyapunov equation; many steps agree with infinitely many."""
    lam, sigma, gamma = np.array([2.0, 0.5, 0.1]), 0.6, 0.04
    spectrum, b = Spectrum.create(lam), 0.04 / 0.36
    chain = Langevin(gamma, sigma)
    c = lam + sigma**2
    v = c**2 / (c - gamma / 2)
    np.testing.assert_allclose(chain.output(spectrum).variance, v, rtol=1e-12)
    (level,) = chain.levels(spectrum)
    for i, j in ((0, 1), (2, 0), (1, 1)):
        delta = np.zeros((3, 3))
        delta[i, j] = 1e-4

        def stationary(d: np.ndarray) -> np.ndarray:
            move = np.diag(1 - gamma / c) + b * d
            return linalg.solve_discrete_lyapunov(move, 2 * gamma * np.eye(3))

        plus, minus = stationary(delta), stationary(-delta)
        first, second = (plus - minus) / 2e-4, (plus + minus - 2 * stationary(0 * delta)) / 2e-8
        assert first[i, j] == pytest.approx(level.linear[i, j] * (2 if i == j else 1), rel=1e-5)
        assert second[i, i] == pytest.approx(level.energy[i, j] if i != j else level.own[i], rel=1e-3)
    (late,) = Langevin(gamma, sigma, 2000, 5.0).levels(spectrum)
    np.testing.assert_allclose(late.linear, level.linear, rtol=1e-8)
    np.testing.assert_allclose(late.energy, level.energy, rtol=1e-8)
    small = budget(BudgetSetting(spectrum, Langevin(1e-5, sigma), None, ScoreTraining(0.001)))
    rho = lam * sigma**2 / c
    pairs = [(i, j) for i in range(3) for j in range(3)]
    leading = sum(
        0.5 * 0.0005 * (1 + (i == j)) * (c[i] * c[j]) ** 2 / (c[i] + c[j]) ** 3
        * (rho[i] * c[j] ** 2 + rho[j] * c[i] ** 2) / sigma**4
        for i, j in pairs
    )  # fmt: skip
    assert small.terms["optimization"] == pytest.approx(leading, rel=0.02)


def test_terms_of_deterministic_sources() -> None:
    """Eqs. (188), (190): floor of the exact flow, and terms that vanish where their source does."""
    eig = np.array([3.0, 0.2])
    found = budget(BudgetSetting(Spectrum.create(eig), ExactFlow(80.0, 0.3)))
    floor = float(np.sum((np.sqrt(eig + 0.09) - np.sqrt(eig)) ** 2))
    assert found.terms == pytest.approx({**dict.fromkeys(TERMS, 0.0), "noise_floor": floor})
    assert found.total == pytest.approx(floor)
    fine = np.geomspace(20.0, 0.3, 4001)
    sampler = Diffusion(SOLVERS["heun"](), Grid.create(PROCESSES["ve"](), fine), None, "sigma")
    run = budget(BudgetSetting(Spectrum.create(eig), sampler))
    flow = budget(BudgetSetting(Spectrum.create(eig), ExactFlow(20.0, 0.3, "sigma")))
    assert run.terms["initialization"] == pytest.approx(flow.terms["initialization"], rel=1e-3)
    assert run.terms["discretization"] < 1e-9


def test_leading_orders_show_as_n_and_steps_grow() -> None:
    """Eqs. (182), (186): what is beyond the leading order falls like 1/n and like tau."""
    spectrum = SPECTRA["power"]
    gaps = []
    for n in (30, 120):
        ask = BudgetSetting(spectrum, ExactFlow(80.0, 0.0), n)
        seen = verify(ask, 4000, seed=1)["generalization"]
        gaps.append((budget(ask).terms["generalization"] / seen.value - 1, (seen.high - seen.low) / seen.value))
    assert gaps[0][0] < -gaps[0][1] / 4
    assert abs(gaps[1][0]) < abs(gaps[0][0]) / 2 + gaps[1][1]
    heun = Diffusion(SOLVERS["heun"](), GRID)
    values = [budget(BudgetSetting(spectrum, heun, None, ScoreTraining(t))).terms["optimization"] for t in (2e-5, 1e-5)]
    assert values[0] / values[1] == pytest.approx(2, rel=1e-3)


def test_what_cannot_be_answered_says_so() -> None:
    spectrum = SPECTRA["power"]
    with pytest.raises(InputError, match="levels"):
        budget(BudgetSetting(spectrum, ExactFlow(80.0, 0.0), None, ScoreTraining(0.01)))
    with pytest.raises(InputError, match="diverges"):
        budget(BudgetSetting(spectrum, Langevin(2.0, 0.1)))
    diverging = budget(BudgetSetting(spectrum, Diffusion(SOLVERS["heun"](), GRID), None, ScoreTraining(0.1)))
    assert diverging.terms["optimization"] is None
    assert diverging.total is None
    assert diverging.dominant == "optimization"
    assert "diverges at sigma 4" in diverging.reasons[0]
    few = budget(BudgetSetting(spectrum, ExactFlow(80.0, 0.0), 3))
    assert not few.valid
    assert "too few --samples" in few.reasons[0]
    random = Diffusion(SOLVERS["randomized_midpoint"](), GRID)
    with pytest.raises(UnsupportedError, match="coefficient table"):
        budget(BudgetSetting(spectrum, random, None, ScoreTraining(1e-4)))
    with pytest.raises(InputError, match="32"):
        verify(BudgetSetting(Spectrum.create([1.0], [100.0]), ExactFlow(80.0, 0.0), 50), 10)


@pytest.mark.parametrize("count", [1, 6, 60])
def test_descent_moments_by_quadrature(count: int) -> None:
    """Eqs. (177), (179), (180), (192): E W and E W x W of eq. (176) itself, every step an exact Gauss-Hermite average."""
    lam, sigma, tau, d = np.array([2.0, 0.4]), 0.8, 0.07, 2
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    points = np.stack(np.meshgrid(*[nodes] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    mass = np.prod(np.stack(np.meshgrid(*[weights / weights.sum()] * 4, indexing="ij"), axis=-1).reshape(-1, 4), axis=1)
    x = points[:, :d] * np.sqrt(lam)
    y = x + sigma * points[:, d:]
    # w' = A w + b for the rows of W one after another.
    moves = np.eye(d * d) - tau * np.einsum("ik,nj,nl->nijkl", np.eye(d), y, y).reshape(-1, d * d, d * d)
    pulls = tau * np.einsum("ni,nj->nij", x, y).reshape(-1, d * d)
    mean, second = np.zeros(d * d), np.zeros((d * d, d * d))
    for _ in range(count):
        cross = np.einsum("n,nij,j,nk->ik", mass, moves, mean, pulls)
        second = np.einsum("n,nij,jk,nlk->il", mass, moves, second, moves, optimize=True) + cross + cross.T
        second = second + np.einsum("n,ni,nj->ij", mass, pulls, pulls)
        mean = np.einsum("n,nij,j->i", mass, moves, mean) + mass @ pulls
    covariance, spectrum = second - np.outer(mean, mean), Spectrum.create(lam)
    c = lam + sigma**2
    np.testing.assert_allclose(mean.reshape(d, d), np.diag((1 - (1 - tau * c) ** count) * lam / c), atol=1e-14)
    pairs, own = ScoreTraining(tau, count).variance(spectrum, sigma)
    variances = np.diagonal(covariance).reshape(d, d)
    np.testing.assert_allclose(variances, np.where(np.eye(d), own[:, None], pairs), rtol=1e-10)
    assert covariance[1, 2] == pytest.approx(ScoreTraining(tau, count).mirrored(spectrum, sigma)[0, 1], rel=1e-10)
