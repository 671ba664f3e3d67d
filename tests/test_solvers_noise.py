"""Order-1 samplers with their own noise: the published loops with a non-linear denoiser, order, gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffopt.data.spectrum import Spectrum
from diffopt.law.gradient import Design, DifferentiableTable
from diffopt.objectives import OBJECTIVES
from diffopt.processes import VE, Flow, VPLinear
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.methods.analytic_dpm import AnalyticDPM
from diffopt.solvers.methods.er_sde import ERSDE, SCALERS
from diffopt.solvers.methods.sa_solver import SASolver

SPECTRUM = Spectrum.create([9.0, 1.0, 0.04], [1, 3, 10])
CASES = [
    (SASolver(), 0.0), (SASolver(), 0.6), (SASolver(), 1.0), (AnalyticDPM(), 0.7), (AnalyticDPM(), 1.3),
    *((ERSDE(phi=phi), None) for phi in SCALERS),
]  # fmt: skip


def grid(steps, process=None, end="zero", name="karras"):
    return SCHEDULES[name]().grid(Span(process or VE(), steps, 20.0, 0.05, end))


def denoiser(x, alpha, level):
    """Tweedie's formula for a mixture of two Gaussians at -1 and 1 with width 0.3, in process coordinates."""
    v = (0.3 * alpha) ** 2 + level**2
    mean = np.tanh(alpha * x / v)
    return mean + 0.09 * alpha * (x - alpha * mean) / v


def literal(solver, eta, sigmas, x, rng):
    """The recurrences in the noise-ratio picture, written as loops over steps."""
    for a, b in zip(sigmas[:-1], sigmas[1:], strict=True):
        d, xi = denoiser(x, 1.0, a), rng.standard_normal(x.shape)
        if isinstance(solver, SASolver):
            h = math.inf if b == 0 else math.log(a / b)
            keep = 0.0 if b == 0 else b / a * math.exp(-(eta**2) * h)
            noise = b * math.sqrt(-math.expm1(-2 * eta**2 * h)) if b > 0 else 0.0
        elif isinstance(solver, ERSDE):
            ratio = float(SCALERS[solver.phi](np.array(b)) / SCALERS[solver.phi](np.array(a)))
            left = b * b - (a * ratio) ** 2
            keep, noise = ratio, math.sqrt(left) if left > 1e-12 * b * b else 0.0
        else:
            keep, noise = (b / a) ** 2, eta * b * math.sqrt(1 - (b / a) ** 2)
        x = d + keep * (x - d) + noise * xi
    return x


@pytest.mark.parametrize(("solver", "eta"), CASES)
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
def test_table_is_the_published_loop(solver, eta, end):
    g = grid(9, end=end)
    start = 20 * np.random.default_rng(1).standard_normal(50)
    own = sample(run_table(solver, g, eta), denoiser, start, np.random.default_rng(7))
    expected = literal(solver, eta, g.sigmas, start, np.random.default_rng(7))
    np.testing.assert_allclose(own, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("solver", "eta"), CASES)
@pytest.mark.parametrize("process", [VPLinear(), Flow()])
def test_other_processes_give_the_same_data(solver, eta, process):
    """Exponential integrators do not see the parametrisation: same noise ratios, same output law at the data."""
    errors = []
    for p in (VE(), process):
        table = run_table(solver, grid(8, p), eta)
        errors.append(OBJECTIVES["frechet"]().value(table, SPECTRUM, "exact"))
    assert errors[1] == pytest.approx(errors[0], rel=1e-9)


@pytest.mark.parametrize(("solver", "eta"), [c for c in CASES if not isinstance(c[0], AnalyticDPM)])
def test_order_one(solver, eta):
    errors = []
    for steps in (128, 256, 512):
        table = run_table(solver, grid(steps, end="sigma_min"), eta)
        errors.append(OBJECTIVES["discretization"]().value(table, SPECTRUM, "exact"))
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(slopes, 1.0, atol=0.08)


def test_special_cases_are_known_samplers():
    g = grid(7)
    value = OBJECTIVES["frechet"]().value

    def error(solver, eta=None):
        return value(run_table(solver, g, eta), SPECTRUM, "exact")

    assert error(SASolver(), 0.0) == pytest.approx(error(SOLVERS["ddim"](), 0.0), rel=1e-12)
    assert error(SASolver(), 1.0) == pytest.approx(error(SOLVERS["ddpm"](), 1.0), rel=1e-12)
    assert error(ERSDE(phi="ode")) == pytest.approx(error(SOLVERS["ddim"](), 0.0), rel=1e-12)
    assert error(ERSDE(phi="sde")) == pytest.approx(error(SOLVERS["ddpm"](), 1.0), rel=1e-12)
    assert error(AnalyticDPM(), 1.0) == pytest.approx(error(SOLVERS["ddpm"](), 1.0), rel=1e-12)


@pytest.mark.parametrize(("solver", "eta"), [c for c in CASES if c[1] != 0.0])
@pytest.mark.parametrize("process", [VE(), VPLinear(), Flow()])
def test_gradients_are_those_of_finite_differences(solver, eta, process):
    g = grid(5, process, "sigma_min")
    etas = solver.etas(eta, 5)
    objective = OBJECTIVES["frechet"]()

    def value(log_sigma, etas):
        design = Design(np.exp(log_sigma), etas, True, solver.eta_meaning is not None, ())
        table = DifferentiableTable(solver, process, design)
        return (table, *objective.value_and_bars(table.table, SPECTRUM, "exact"))

    x = np.log(g.sigmas)
    table, _, bars = value(x, etas)
    by_grid, by_eta, _ = table.gradient(bars)
    for i in range(1, 5):
        h = np.zeros(6)
        h[i] = 1e-5
        slope = (value(x + h, etas)[1] - value(x - h, etas)[1]) / 2e-5
        assert by_grid[i] == pytest.approx(slope, rel=2e-5, abs=1e-8)
    if solver.eta_meaning is not None:
        h = np.array([0, 0, 1e-5, 0, 0])
        slope = (value(x, etas + h)[1] - value(x, etas - h)[1]) / 2e-5
        assert by_eta[2] == pytest.approx(slope, rel=2e-5, abs=1e-8)


def test_unknown_scaler_is_named():
    from diffopt.errors import InputError

    with pytest.raises(InputError, match="default, ode"):
        ERSDE(phi="nope")
