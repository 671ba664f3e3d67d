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
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table

ROOT = Path(__file__).parents[1]
EQUATIONS = range(1, 94)


def numbered() -> set[int]:
    text = "".join(path.read_text() for path in (ROOT / "docs").glob("theory*.md"))
    return {int(n) for n in re.findall(r"\\tag\{(\d+)\}", text)} & set(EQUATIONS)


def named() -> set[int]:
    found: set[int] = set()
    for path in (ROOT / "tests").glob("test_*.py"):
        for group in re.findall(r"[Ee]qs?\. ((?:\(\d+\)(?:-| to |, (?:and )?| and )?)+)", path.read_text()):
            for first, last in re.findall(r"\((\d+)\)(?:(?:-| to )\((\d+)\))?", group):
                found |= set(range(int(first), int(last or first) + 1))
    return found


def test_every_equation_is_named_by_a_test() -> None:
    assert len(numbered()) > 40
    assert numbered() - named() == set()


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
