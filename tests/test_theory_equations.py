"""Every numbered equation of the theory is named by a test, and some small ones are checked here."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from diffopt.asymptotics import density as density_module
from diffopt.asymptotics.density import optimal_density, rms_density
from diffopt.data.spectrum import Spectrum
from diffopt.law.map_response import respond
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.search.descent import optimize
from diffopt.solvers import SOLVERS, run_table

ROOT = Path(__file__).parents[1]
THEORY = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
EQUATIONS = {int(n) for n in re.findall(r"\\tag\{(\d+)\}", THEORY)}
SECTIONS = {int(n) for n in re.findall(r"^## (\d+)\. ", THEORY, re.MULTILINE)}
#: "3", "(3)", "3-5", "(3) to (5)", "3, 5 and 7"; a number with decimals is none.
NUMBER = r"\(?\d+\)?(?![\d.]*\d)"
NUMBERS = rf"({NUMBER}(?:(?:-| to |, (?:and )?| and ){NUMBER})*)"


def named() -> set[int]:
    found: set[int] = set()
    for path in (ROOT / "tests").glob("test_*.py"):
        for group in re.findall(r"[Ee]qs?\. ((?:\(\d+\)(?:-| to |, (?:and )?| and )?)+)", path.read_text()):
            for first, last in re.findall(r"\((\d+)\)(?:(?:-| to )\((\d+)\))?", group):
                found |= set(range(int(first), int(last or first) + 1))
    return found


def test_every_equation_is_named_by_a_test() -> None:
    assert len(EQUATIONS) > 150
    assert EQUATIONS - named() == set()


def spans(text: str) -> set[int]:
    """Numbers of a list in which a range stands for all between."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)\)?(?:(?:-| to )\(?(\d+))?", text):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def cited(text: str, word: str) -> set[int]:
    """Numbers after `eq.`, `eqs.` (or `sec.`, `section`, ...) in a text."""
    return {n for group in re.findall(rf"\b{word}\s{NUMBERS}", text, re.IGNORECASE) for n in spans(group)}


def test_citations_are_read() -> None:
    text = "(theory.md, eqs. 3-5, 7 and (9)); eq. (2), 0.25 for; Eqs. (11) to (13)"
    assert cited(text, r"eqs?\.") == {2, 3, 4, 5, 7, 9, 11, 12, 13}
    assert cited("sec. 15.1; sections 20 to 22; section\n3", r"sec(?:tion|)s?\.?") == {3, 20, 21, 22}


def test_what_is_cited_exists() -> None:
    """Every equation and section that code, tests, benchmarks and documents cite."""
    folders = [p for name in ("diffopt", "tests", "benchmarks", "docs") for p in (ROOT / name).rglob("*")]
    files = [p for p in (*folders, ROOT / "README.md") if p.suffix in (".py", ".md") and p != Path(__file__)]
    assert len(files) > 300
    for path in files:
        text = re.sub(r"There are no equations .*", "", path.read_text(encoding="utf-8"))
        assert cited(text, r"eqs?\.") <= EQUATIONS, path
        assert cited(text, r"sec(?:tion|)s?\.?") <= SECTIONS, path


def test_the_gaps_are_those_that_the_theory_lists() -> None:
    head = THEORY.split("## 1.")[0].replace("\n", " ")
    gaps = re.search(r"no equations ([\d, -]+\d) and no sections ([\d, -]+\d)", head)
    assert gaps
    for listed, there in zip(gaps.groups(), (EQUATIONS, SECTIONS), strict=True):
        assert spans(listed) == set(range(1, max(there))) - there


SPECTRUM = Spectrum.create([30.0, 2.0, 0.1])


@pytest.mark.parametrize("order", [1, 2])
def test_fixed_point_converges_fast(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eq. (72): with that damping 40 rounds are as good as 400."""
    kappa = lambda s, eig: eig * s ** (order - 1) / (eig + s**2) ** (order + 1)  # noqa: E731
    full = optimal_density(SPECTRUM, kappa, order, 80.0, 0.01).cumulative
    monkeypatch.setattr(density_module, "ROUNDS", 40)
    short = optimal_density(SPECTRUM, kappa, order, 80.0, 0.01).cumulative
    np.testing.assert_allclose(short, full, atol=1e-9)


def test_rms_density_is_its_formula() -> None:
    """Eq. (73) against scipy's quadrature."""

    def kappa(s, eig):
        return eig * (3 * eig - 2 * s**2) / (2 * s * (eig + s**2) ** 3)

    def rate(s: float) -> float:
        weight = SPECTRUM.weight * (SPECTRUM.eig + 0.01**2)
        return float((weight @ kappa(s, SPECTRUM.eig) ** 2) ** (1 / 6))

    levels = rms_density(SPECTRUM, kappa, 2, 80.0, 0.01).levels(6)
    shares = [
        integrate.quad(lambda x: rate(np.exp(x)) * np.exp(x), np.log(b), np.log(a), limit=200)[0]
        for a, b in pairwise(levels)
    ]
    np.testing.assert_allclose(shares, np.mean(shares), rtol=5e-3)


@pytest.mark.parametrize("name", ["sra1", "heun_sde"])
def test_one_step_with_constant_noise(name: str) -> None:
    """Eqs. (75), (76): multiplier and variance in closed form, variance clock (constant B)."""
    high, low, eta, eig = 4.0, 1.0, 0.9, np.array([0.7])
    grid = Grid.create(PROCESSES["ve"](), [high, low])
    response = respond(run_table(SOLVERS[name](clock="variance"), grid, eta), eig)
    h, b, a = high**2 - low**2, eta**2, (1 + eta**2) / 2

    def rate(q: float) -> np.ndarray:
        return -a / (eig + q)

    k0, k1, km = rate(high**2), rate(low**2), rate(high**2 - 0.75 * h)
    if name == "sra1":
        m, n = 1 + h * (k0 / 3 + 2 * km / 3 * (1 + 0.75 * h * k0)), b * (h + h**2 * km + h**3 * km**2 / 3)
    else:
        m, n = 1 + h / 2 * (k0 + k1 * (1 + h * k0)), b * h * (1 + h * k1 / 2) ** 2
    np.testing.assert_allclose(response.rows[-1].incoming[0][0], m, rtol=1e-12)
    np.testing.assert_allclose(response.injected[0], n, rtol=1e-12)


def test_linearization_is_exact_where_nothing_moves() -> None:
    """Eqs. (85), (86): over a tiny step K and B are constant and both schemes the exact flow."""
    eig = np.array([0.5])
    for name in ("local_linearization", "local_linearization_time"):
        grid = Grid.create(PROCESSES["ve"](), [1.0, 1.0 - 1e-4])
        response = respond(run_table(SOLVERS[name](clock="variance"), grid, 1.0), eig)
        exact = (eig + grid.sigmas[1] ** 2) / (eig + 1.0)
        np.testing.assert_allclose(response.rows[0].incoming[0][0], exact, rtol=2e-8)


def test_the_grid_of_fitted_coefficients_is_a_geometric_mean() -> None:
    """Eq. (134): from the public optima of Euler and Heun."""
    problem = {name: Problem.create(SPECTRUM, PROCESSES["ve"](), SOLVERS[name](), 4, 20.0, 0.05) for name in ("euler", "heun")}
    fitted = Problem.create(SPECTRUM, PROCESSES["ve"](), SOLVERS["fitted_2"](), 4, 20.0, 0.05)
    robust = OBJECTIVES["robust"]()
    euler, heun = (optimize(problem[name], robust).grid.sigmas[:-1] for name in ("euler", "heun"))
    found = optimize(fitted, robust).grid.sigmas
    np.testing.assert_allclose(found[:-1], np.sqrt(euler * heun), rtol=1e-6)
    assert found[-1] == 0


@pytest.mark.hosts
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_churn_of_diffusers_reuses_the_output_from_before_the_noise() -> None:
    """Eq. (202): one step of the real scheduler; its variance at sigma' = 0 keeps the noise."""
    import torch
    from diffusers import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler()
    scheduler.set_timesteps(5)
    step, churn, noise = 3, 2.0, 1.003
    sigma, after = (float(s) for s in scheduler.sigmas[step : step + 2])
    y, output = torch.full((1, 1, 2, 2), 1.7), torch.full((1, 1, 2, 2), 0.4)
    scheduler.scale_model_input(y, scheduler.timesteps[step])
    drawn = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    found = scheduler.step(
        output, scheduler.timesteps[step], y, s_churn=churn, s_noise=noise, generator=torch.Generator().manual_seed(0)
    ).prev_sample
    hat = (1 + min(churn / 5, np.sqrt(2) - 1)) * sigma
    slope = output  # the network predicts the noise: (y - D)/sigma
    wish = y + (after - hat) * slope + noise * np.sqrt(hat**2 - sigma**2) * drawn
    np.testing.assert_allclose(found.numpy(), wish.numpy(), rtol=1e-5)
