"""First-order theory against the exact recurrences and quadrature of its own (theory.md, eqs. 50-68)."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
from scipy import integrate

from diffopt.asymptotics.defects import FORMULAS, find_defect
from diffopt.asymptotics.expansion import Expansion
from diffopt.asymptotics.rates import LinearRates
from diffopt.data.spectrum import Spectrum
from diffopt.law.law import Law
from diffopt.law.linearized import linear_frechet
from diffopt.law.local_errors import LocalDefects, first_order_frechet
from diffopt.objectives.frechet import Discretization
from diffopt.processes import PROCESSES, VPLinear
from diffopt.processes.clocks import CLOCKS
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table

SPECTRUM = Spectrum.create([4.0, 1.5, 0.5, 0.1], mean=[1.0, -0.5, 0.3, 0.2])
HIGH, LOW = 2.0, 0.7
CONTINUOUS = ("ve", "vp_linear", "vp_cosine", "flow")
ETAS = (0.0, 0.5, 1.0, 1.2)


def path(w):
    return HIGH * (LOW / HIGH) ** w


def karras(w):
    return (HIGH ** (1 / 7) + w * (LOW ** (1 / 7) - HIGH ** (1 / 7))) ** 7


def cases():
    for name, process in itertools.product(FORMULAS, CONTINUOUS):
        solver = SOLVERS[name]
        for clock in CLOCKS if solver.uses_clock else (None,):
            for eta in ETAS if solver.eta_meaning else (0.0,):
                yield pytest.param(process, name, clock, eta, id=f"{process}-{name}-{clock}-{eta}")


def law_and_expansion(process, name, clock, eta, steps, family=path):
    kind, solver = PROCESSES[process](), SOLVERS[name](clock=clock)
    grid = Grid.create(kind, family(np.linspace(0, 1, steps + 1)))
    table = run_table(solver, grid, eta if solver.eta_meaning else None)
    return Law(table, SPECTRUM, "exact"), Expansion(find_defect(solver, kind), SPECTRUM, family, eta), table


@pytest.mark.parametrize(("process", "name", "clock", "eta"), list(cases()))
def test_scaled_errors_tend_to_the_integrals(process, name, clock, eta) -> None:
    """Eqs. (52)-(58), (62)-(64): N^p times the errors; difference below 1e-3 at N = 4000, halved by 2N."""
    gaps = []
    for steps in (2000, 4000):
        law, expansion, _ = law_and_expansion(process, name, clock, eta, steps)
        scale = steps**expansion.defect.order
        gap = np.abs(scale * (law.variance - expansion.target) - expansion.variance)
        mean = np.abs(scale * law.mean_gap - expansion.mean)
        gaps.append((gap.max() / np.abs(expansion.variance).max(), mean.max()))
    assert gaps[1][0] < 1e-3
    rounding = 4e-16 * steps**1.5 * scale  # of the recurrences, in the scaled error
    assert gaps[1][0] < 0.55 * gaps[0][0] + rounding
    assert gaps[1][1] < 1e-3 * max(np.abs(expansion.mean).max(), 1e-2) + rounding


@pytest.mark.parametrize("name", ["euler_maruyama", "ddim", "exponential_integrator"])
def test_eta_may_vary_along_the_run(name) -> None:
    """Eqs. (52), (54): the derivative of eta drops out of the defect."""
    process, solver, steps = PROCESSES["vp_linear"](), SOLVERS[name](clock=None), 4000
    eta = lambda sigma: 0.4 + 0.5 * sigma / (1 + sigma)  # noqa: E731
    sigmas = path(np.linspace(0, 1, steps + 1))
    law = Law(run_table(solver, Grid.create(process, sigmas), eta(sigmas[:-1])), SPECTRUM, "exact")
    expansion = Expansion(find_defect(solver, process), SPECTRUM, path, eta)
    gap = steps * (law.variance - expansion.target) - expansion.variance
    assert np.max(np.abs(gap)) < 1e-3 * np.max(np.abs(expansion.variance))


@pytest.mark.parametrize(("process", "name", "clock", "eta"), list(cases()))
def test_local_defects_agree_with_the_closed_forms(process, name, clock, eta) -> None:
    """Eqs. (65)-(67) on a concrete grid against eqs. (55), (56), another family of grids."""
    law, expansion, table = law_and_expansion(process, name, clock, eta, 800, karras)
    defects = LocalDefects(table, SPECTRUM)
    scale = 800**expansion.defect.order
    top = np.max(np.abs(expansion.variance))
    np.testing.assert_allclose(scale * defects.variance, expansion.variance, atol=6e-3 * top)
    np.testing.assert_allclose(
        scale * defects.mean, expansion.mean, atol=6e-3 * max(np.abs(expansion.mean).max(), 1e-2)
    )
    assert scale * defects.frechet() == pytest.approx(expansion.frechet(), rel=2e-2)
    assert defects.frechet() <= defects.frechet(absolute=True) * (1 + 1e-12)
    assert np.all(np.abs(defects.variance) <= defects.absolute * (1 + 1e-12))  # eq. (68)
    del law


@pytest.mark.parametrize("eta", [0.0, 0.7])
@pytest.mark.parametrize("process", CONTINUOUS)
def test_frechet_and_weak_errors(process, eta) -> None:
    """Eqs. (59), (60): exact Frechet distance and E|x|^2, E cos(x) against the expansion."""
    steps = 4000
    law, expansion, _ = law_and_expansion(process, "euler_maruyama", "time", eta, steps)
    table = run_table(
        SOLVERS["euler_maruyama"](clock="time"),
        Grid.create(PROCESSES[process](), path(np.linspace(0, 1, steps + 1))),
        eta,
    )
    assert steps * Discretization().value(table, SPECTRUM, "exact") == pytest.approx(expansion.frechet(), rel=2e-3)
    mu, v = table.alpha[-1] * SPECTRUM.mean, expansion.target
    mean = mu + law.mean_gap * SPECTRUM.mean
    square = np.sum(law.variance + mean**2) - np.sum(v + mu**2)
    assert steps * square == pytest.approx(expansion.weak(2 * mu, 2.0), rel=5e-3)
    assert expansion.quadratic() == pytest.approx(expansion.weak(2 * mu, 2.0), rel=1e-12)
    shift = steps * np.sum(law.mean_gap * SPECTRUM.mean)
    assert shift == pytest.approx(expansion.linear(), rel=5e-3, abs=1e-8)
    cosine = np.sum(np.cos(mean) * np.exp(-law.variance / 2)) - np.sum(np.cos(mu) * np.exp(-v / 2))
    predicted = expansion.weak(-np.sin(mu) * np.exp(-v / 2), -np.cos(mu) * np.exp(-v / 2))
    assert steps * cosine == pytest.approx(predicted, rel=5e-3)


def test_papers_closed_forms_of_the_defect() -> None:
    """Eq. (52) in each clock: 4 a^2 q/c - 1, a^2/c, 4 a^2 q^2/c - 2 q, and the (f, g) form in the time clock."""
    sigma, eta = np.array([[0.3], [1.1], [4.0]]), 0.8
    a, q, eig = (1 + eta**2) / 2, sigma**2, SPECTRUM.eig
    c = eig + q
    known = {"sigma": 4 * a**2 * q / c - 1, "variance": a**2 / c, "logsnr": 4 * a**2 * q**2 / c - 2 * q}
    process = PROCESSES["vp_linear"]()
    for clock, truth in known.items():
        defect = find_defect(SOLVERS["euler_maruyama"](clock=clock), process)
        u = LinearRates(process, CLOCKS[clock]).reading(sigma)
        np.testing.assert_allclose(defect.density(u, eta, eig), truth, rtol=1e-10)
    time = process.time(sigma)
    f, g2, slope = -process.rate(time) / 2, process.rate(time), 19.9
    v = process.alpha(time) ** 2 * eig + process.noise(time) ** 2
    truth = a**2 * g2**2 / v - (-slope / 2 + f**2) * v - slope / 2 + eta**2 * f * g2
    defect = find_defect(SOLVERS["euler_maruyama"](clock="time"), process)
    np.testing.assert_allclose(defect.density(-time, eta, eig), truth, rtol=1e-10)


@pytest.mark.parametrize("clock", CLOCKS)
def test_rates_and_their_derivatives(clock) -> None:
    """Eqs. (50), (51): w' = 2 K w + B, and K'' against mpmath."""
    process, eig = VPLinear(), np.array([0.7])
    rates = LinearRates(process, CLOCKS[clock])
    u = rates.reading(np.array([[0.9]]))
    k, b, w = rates.at(u, 0.6, eig)
    h = 1e-5
    slope = (rates.at(u + h, 0.6, eig)[2] - rates.at(u - h, 0.6, eig)[2]) / (2 * h)
    np.testing.assert_allclose(slope, 2 * k * w + b, rtol=1e-7)
    mpmath.mp.dps = 30

    def rate(x):
        x = mpmath.mpf(x)
        a = mpmath.mpf("0.68")
        if clock == "time":
            beta, total = (
                (mpmath.mpf("0.1") - mpmath.mpf("19.9") * x),
                mpmath.mpf("0.1") * -x + mpmath.mpf("19.9") * x**2 / 2,
            )
            return beta / 2 - a * beta / (mpmath.exp(-total) * mpmath.mpf("0.7") + 1 - mpmath.exp(-total))
        q = {"sigma": x**2, "variance": -x, "logsnr": mpmath.exp(-2 * x)}[clock]
        speed = {"sigma": -2 * x, "variance": 1, "logsnr": 2 * q}[clock]
        return -a * speed / (mpmath.mpf("0.7") + q)

    truth = float(mpmath.diff(rate, mpmath.mpf(float(u[0, 0])), 2))
    np.testing.assert_allclose(rates.curvature(u, 0.6, eig)[0, 0], truth, rtol=1e-8)


@pytest.mark.parametrize("eta", [0.4, 1.0])
def test_damping_is_the_exact_flow(eta) -> None:
    """Eq. (54): Phi^2 = (c_end/c)^(1 + eta^2) (alpha_end/alpha)^2 for constant eta, and an independent quadrature."""
    process = PROCESSES["vp_cosine"]()
    expansion = Expansion(find_defect(SOLVERS["euler_maruyama"](clock="time"), process), SPECTRUM, path, eta)
    sigma = path(expansion.nodes[0])
    alpha = process.alpha(process.time(sigma))
    end = process.alpha(process.time(np.array([LOW])))
    truth = ((SPECTRUM.eig + LOW**2) / (SPECTRUM.eig + sigma**2)) ** (1 + eta**2) * (end / alpha) ** 2
    np.testing.assert_allclose(np.exp(2 * expansion.damping), truth, rtol=1e-9)
    varying = Expansion(expansion.defect, SPECTRUM, path, lambda s: eta / (1 + s))
    place, eig = 300, SPECTRUM.eig[1]
    exponent = integrate.quad(
        lambda s: (1 + (eta / (1 + s)) ** 2) * 2 * s / (eig + s**2), LOW, float(sigma[place, 0]), epsabs=1e-13
    )[0]
    expected = np.exp(-exponent) * float(end[0] / alpha[place, 0]) ** 2
    assert np.exp(2 * varying.damping[place, 1]) == pytest.approx(expected, rel=1e-9)


def test_white_data_under_variance_preserving_noise() -> None:
    """eig = 1: D = eta^4 g^4/4 in the time clock, so the ODE is exact on white data (eq. 52)."""
    process, white = PROCESSES["vp_linear"](), np.array([1.0])
    defect = find_defect(SOLVERS["euler_maruyama"](clock="time"), process)
    time = np.array([[0.1], [0.5], [0.9]])
    for eta in (0.0, 0.7, 1.0):
        truth = eta**4 * process.rate(time) ** 2 / 4
        np.testing.assert_allclose(defect.density(-time, eta, white), truth, atol=1e-11 * 400)
    grid = Grid.create(process, process.sigma(np.linspace(0.9, 0.1, 12)))
    law = Law(run_table(SOLVERS["euler_maruyama"](clock="time"), grid, 0.0), Spectrum.create([1.0]), "exact")
    assert law.variance[0] == pytest.approx(1.0, rel=1e-13)


def test_five_eighths_law() -> None:
    """Eq. (59), variance clock, eta = 1, geometric from sigma^2 = sqrt N to N^-2: W2 ~ (5/8) sqrt(tr) log N/N."""
    ratios = []
    for steps in (10_000, 100_000):
        eig = np.array([1.0, 0.5])
        sigma = np.sqrt(np.geomspace(np.sqrt(steps), float(steps) ** -2, steps + 1))
        table = run_table(SOLVERS["euler_maruyama"](clock="variance"), Grid.create(PROCESSES["ve"](), sigma), 1.0)
        value = Discretization().value(table, Spectrum.create(eig), "exact")
        ratios.append(value / (5 / 8 * np.sqrt(eig.sum()) * np.log(steps) / steps))
    assert abs(ratios[1] - 1) < abs(ratios[0] - 1)
    assert ratios[1] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_geometric_grid_in_closed_form(eta) -> None:
    """Eq. (55) on a geometric grid, sigma clock: (L eig/2)[1 - (2 + e) r^e + (1 + e) r^(1 + e)], e = eta^2."""
    eig, high, low = 0.8, 30.0, 1e-5
    family = lambda w: high * (low / high) ** w  # noqa: E731
    defect = find_defect(SOLVERS["euler_maruyama"](clock="sigma"), PROCESSES["ve"]())
    value = Expansion(defect, Spectrum.create([eig]), family, eta).variance[0]
    e, r, length = eta**2, eig / (eig + high**2), np.log(high / low)
    truth = length * eig / 2 * (1 - (2 + e) * r**e + (1 + e) * r ** (1 + e))
    assert value == pytest.approx(truth, rel=1e-6)


@pytest.mark.parametrize("start", ["sigma", "unit"])
def test_start_mismatch_is_carried_exactly(start) -> None:
    """Eq. (66): with a fine grid the first-order distance is that of the continuous flow from the wrong start."""
    process = PROCESSES["ve"]()
    table = run_table(SOLVERS["heun"](), Grid.create(process, path(np.linspace(0, 1, 401))))
    defects, law = LocalDefects(table, SPECTRUM, start), Law(table, SPECTRUM, start)
    np.testing.assert_allclose(defects.variance, law.variance - (SPECTRUM.eig + LOW**2), rtol=1e-4)
    np.testing.assert_allclose(defects.mean, law.mean_gap, rtol=1e-4)


def test_reference_number_on_a_concrete_grid() -> None:
    """Eq. (61): h^2 D Phi^2 summed by hand equals the local defects of DDIM, whose defect is exact, to first order."""
    eig, sigma = np.array([2.0, 0.1]), np.geomspace(10, 0.01, 2001)
    q, c = sigma**2, eig + (sigma**2)[:, None]
    hand = -(np.diff(-sigma) ** 2 @ (eig / c[:-1] ** 2)) * c[-1]
    table = run_table(SOLVERS["euler"](), Grid.create(PROCESSES["ve"](), sigma))
    np.testing.assert_allclose(LocalDefects(table, Spectrum.create(eig)).variance, hand, rtol=1e-2)
    assert q.size == 2001


def test_a_degenerate_direction_counts_its_variance() -> None:
    """Eq. (59) at v = 0."""
    spectrum = Spectrum.create([1.0, 0.0])
    assert linear_frechet(np.array([0.2, 0.09]), np.zeros(2), np.array([1.0, 0.0]), spectrum) == pytest.approx(
        np.sqrt(0.2**2 / 4 + 0.09)
    )


def test_what_has_no_finite_step_has_no_prediction() -> None:
    grid = Grid.create(PROCESSES["ve"](), [4.0, 1.0, 0.0])
    assert first_order_frechet(SPECTRUM, grid, SOLVERS["euler"](clock="logsnr")) is None
    assert first_order_frechet(SPECTRUM, grid, SOLVERS["euler"]()) > 0
