"""Score errors in the exact moments and in the objectives (theory.md, eqs. (170), (171), (172), (173))."""

from __future__ import annotations

import numpy as np
import pytest

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.law.gradient import Design, DifferentiableTable
from diffopt.law.law import Law
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.robust import Robust
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.model_error import KINDS, ModelError
from diffopt.solvers.score_error import parse_score_error, perturbed

EIG = np.array([9.0, 1.0, 0.04, 0.0])
SPECTRUM = Spectrum.create(EIG)
SIGMAS = np.array([8.0, 3.0, 1.0, 0.3, 0.05])
PLAIN = ["euler", "heun", "dpmpp_2m", "dpmpp_3m", "unipc", "ddim", "dpmpp_sde", "dpmpp_2m_sde", "euler_maruyama", "sra1"]


def rule(eig, sigma):
    return 0.1 * sigma / (1 + sigma) / (1 + eig)


def size(kind: str, sigma: float) -> np.ndarray:
    """Standard deviation of the denoiser's error in data units, from the definitions."""
    e, c = rule(EIG, sigma), EIG + sigma**2
    return {"absolute": e, "relative": e * sigma**2 / np.sqrt(c), "loss": np.sqrt(e * EIG * sigma**2 / c)}[kind]


class Recorder:
    """Exact linear denoiser that adds an error to every call, or a bump to one call alone."""

    def __init__(self, wrong: str | None = None, bump: int | None = None) -> None:
        self.wrong, self.bump, self.calls = wrong, bump, []

    def __call__(self, z, alpha, level):
        v, sigma = alpha**2 * EIG + level**2, level / alpha
        out = alpha * EIG / v * z
        if self.wrong is not None:
            out = out - size(self.wrong, sigma) * z / np.sqrt(v)
        if self.bump == len(self.calls):
            out = out + 1.0
        self.calls.append(sigma)
        return out


@pytest.mark.parametrize("process", ["ve", "vp_linear"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PLAIN)
def test_systematic_error_is_a_wrong_gain(name: str, kind: str, process: str) -> None:
    """Eq. (171): the law's gain of the start is what the loop does with the wrong denoiser."""
    grid = Grid.create(PROCESSES[process](), SIGMAS)
    right = run_table(SOLVERS[name](), grid, None if SOLVERS[name].eta_meaning is None else 0.0)
    wrong = perturbed(right, ModelError(rule, kind))
    gain = sample(right, Recorder(kind), np.ones(EIG.size), np.random.default_rng(0))
    first = right.alpha[0] ** 2 * EIG + right.level[0] ** 2
    np.testing.assert_allclose(Law(wrong, SPECTRUM, "exact").variance, gain**2 * first, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PLAIN)
def test_random_error_adds_the_variance_of_its_bumps(name: str, kind: str) -> None:
    """Eq. (172): every call's error reaches the end through all steps that read it; bumping calls one by one says how."""
    table = run_table(SOLVERS[name](), Grid.create(PROCESSES["vp_linear"](), SIGMAS))
    zero = np.zeros(EIG.size)
    plain = Recorder()
    rng = lambda: np.random.default_rng(0)  # noqa: E731
    base = sample(table, plain, zero, rng())
    expected = Law(table, SPECTRUM, "exact").variance
    for call, sigma in enumerate(plain.calls):
        moved = sample(table, Recorder(bump=call), zero, rng()) - base
        expected = expected + (moved * size(kind, sigma)) ** 2
    wrong = perturbed(table, ModelError(rule, kind, random=True))
    np.testing.assert_allclose(Law(wrong, SPECTRUM, "exact").variance, expected, rtol=1e-9)


def test_one_step_of_the_robust_objective_by_hand() -> None:
    """Eqs. (31), (32), (173): with one step the defect is the root of moved^2 + error^2 minus the exact deviation."""
    grid = Grid.create(PROCESSES["ve"](), [2.0, 0.5])
    error = ModelError(rule, "absolute", random=True)
    table = run_table(SOLVERS["euler"](error=error), grid)
    c, c_end = EIG + 4.0, EIG + 0.25
    moved = np.sqrt(c) * (EIG + 1.0) / c
    noise = (0.75 * rule(EIG, 2.0)) ** 2
    expected = np.sum((np.sqrt(moved**2 + noise) - np.sqrt(c_end)) ** 2)
    value = Robust(scales=(1.0,), tilt=0.0).value(table, SPECTRUM, "exact")
    assert value == pytest.approx(np.sqrt(expected), rel=1e-12)


def test_history_errors_count_in_the_robust_objective() -> None:
    """Eq. (173): a step of 2M is charged for the error of the call it remembers, in proportion to its coefficient."""
    grid = Grid.create(PROCESSES["ve"](), SIGMAS)
    values = {}
    for random in (None, 1e-3, 2e-3):
        error = None if random is None else parse_score_error(f"random:absolute:{random}")
        response = Law(run_table(SOLVERS["dpmpp_2m"](error=error), grid), SPECTRUM, "exact").response
        values[random] = response.injected
    table = run_table(SOLVERS["dpmpp_2m"](), grid)
    squares = (table.denoised[:, 0, :] ** 2).sum(axis=-1)
    np.testing.assert_allclose(values[2e-3][:, 0], 4e-6 * squares, rtol=1e-12)
    np.testing.assert_allclose(values[2e-3], 4 * values[1e-3], rtol=1e-12)
    assert not np.any(values[None])


@pytest.mark.parametrize("objective", ["robust", "frechet", "kl"])
@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("name", ["heun", "dpmpp_2m", "ddim", "dpmpp_2m_sde"])
def test_gradients_see_the_error(name: str, random: bool, objective: str) -> None:
    """Derivatives by the grid and by eta against central differences."""
    spectrum = Spectrum.create(EIG[:3], mean=[0.3, -0.2, 0.1])
    solver = SOLVERS[name](error=ModelError(rule, "absolute", random))
    process, noisy = PROCESSES["vp_linear"](), SOLVERS[name].eta_meaning is not None
    target = OBJECTIVES[objective]()
    prepared = target.prepare(spectrum)
    eta = np.full(SIGMAS.size - 1, 0.6 if noisy else 0.0)

    def value(log_sigma, eta):
        design = Design(np.exp(log_sigma), eta, True, noisy)
        return target.value(DifferentiableTable(solver, process, design).table, prepared, "sigma")

    x = np.log(SIGMAS)
    table = DifferentiableTable(solver, process, Design(np.exp(x), eta, True, noisy))
    by_grid, by_eta, _ = table.gradient(target.value_and_bars(table.table, prepared, "sigma")[1])
    step = 1e-6
    for i in range(x.size):
        bump = step * np.eye(x.size)[i]
        slope = (value(x + bump, eta) - value(x - bump, eta)) / (2 * step)
        assert by_grid[i] == pytest.approx(slope, rel=2e-5, abs=1e-7 * np.abs(by_grid).max())
    for k in range(eta.size if noisy else 0):
        bump = step * np.eye(eta.size)[k]
        slope = (value(x, eta + bump) - value(x, eta - bump)) / (2 * step)
        assert by_eta[k] == pytest.approx(slope, rel=2e-5, abs=1e-7 * np.abs(by_eta).max())


def test_words_of_a_rule() -> None:
    error = parse_score_error("random:loss:noise:0.04")
    assert (error.kind, error.random, error.text) == ("loss", True, "random:loss:noise:0.04")
    assert error.rule(1.0, np.array(2.0)) == pytest.approx(0.04 * 4 / 5)
    assert error.size(3.0, np.array(1.0)) == pytest.approx(np.sqrt(0.02 * 3 / 4))


def test_a_run_whose_error_is_not_in_its_coefficients_is_not_sampled() -> None:
    table = run_table(SOLVERS["euler"](error=parse_score_error("random:0.1")), Grid.create(PROCESSES["ve"](), SIGMAS))
    with pytest.raises(UnsupportedError, match="denoiser"):
        sample(table, Recorder(), np.zeros(4))
