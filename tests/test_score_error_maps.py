"""Score errors in solvers whose steps are maps (theory.md, eqs. (250), (251), (252), (253))."""

from __future__ import annotations

import numpy as np
import pytest

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.law.gradient import Design, DifferentiableTable
from diffopt.law.law import Law
from diffopt.objectives import OBJECTIVES
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.maps import Models
from diffopt.solvers.model_error import KINDS, ModelError
from diffopt.solvers.score_error import parse_score_error

EIG = np.array([9.0, 1.0, 0.04, 0.0])
SPECTRUM = Spectrum.create(EIG)
SIGMAS = np.array([8.0, 3.0, 1.0, 0.3, 0.05])
GAUSS = np.polynomial.legendre.leggauss(100)
MAPS = ["randomized_midpoint", "randomized_exponential_midpoint", "local_linearization", "local_linearization_time"]


def rule(eig, sigma):
    return 0.1 * sigma / (1 + sigma) / (1 + eig)


def size(kind: str, sigma: float) -> np.ndarray:
    """Standard deviation of the denoiser's error in data units, from the definitions."""
    e, c = rule(EIG, sigma), EIG + sigma**2
    return {"absolute": e, "relative": e * sigma**2 / np.sqrt(c), "loss": np.sqrt(e * EIG * sigma**2 / c)}[kind]


class Model:
    """Denoiser, score and Jacobian of a linear model that is wrong, or bumped in one call."""

    def __init__(self, wrong: str | None = None, bump: int | None = None) -> None:
        self.wrong, self.bump, self.calls = wrong, bump, []

    def gain(self, alpha: float, level: float) -> np.ndarray:
        v = alpha**2 * EIG + level**2
        off = 0.0 if self.wrong is None else size(self.wrong, level / alpha) / np.sqrt(v)
        return alpha * EIG / v - off

    def denoise(self, z, alpha, level):
        out = self.gain(alpha, level) * z + (1.0 if self.bump == len(self.calls) else 0.0)
        self.calls.append(level / alpha)
        return out

    def models(self) -> Models:
        return Models(
            self.denoise, lambda z, a, s: (a * self.denoise(z, a, s) - z) / s**2, lambda z, a, s, rows: self.gain(a, s) * rows
        )


def literal(table, k: int, fraction: float, z: np.ndarray, model: Model) -> np.ndarray:
    """One step of the real sampler without noise, at a fraction of the step."""
    maps = table.maps
    pair = Points.create(maps.points.process, maps.points.sigma[k : k + 2])
    named = maps.numbers(pair.ends(), maps.eta[k : k + 1], np.full((1, 1), fraction))
    return maps.advance({n: float(np.ravel(v)[0]) for n, v in named.items()}, z, model.models(), None)


def branches(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Fractions and their weights: all of (0, 1) for random stages, one for the others."""
    return ((GAUSS[0] + 1) / 2, GAUSS[1] / 2) if "random" in name else (np.array([0.5]), np.ones(1))


@pytest.mark.parametrize(("process", "kind"), [("ve", "loss"), *(("vp_linear", kind) for kind in KINDS)])
@pytest.mark.parametrize("name", MAPS)
def test_systematic_error_is_a_wrong_gain(name: str, kind: str, process: str) -> None:
    """Eqs. (250), (252): the variance of a step is what the real step does with the wrong model, averaged over its fractions."""
    grid = Grid.create(PROCESSES[process](), SIGMAS)
    table = run_table(SOLVERS[name](error=ModelError(rule, kind)), grid, 0.0)
    variance = table.alpha[0] ** 2 * EIG + table.level[0] ** 2
    for k in range(table.steps):
        square = sum(w * literal(table, k, f, np.ones(EIG.size), Model(kind)) ** 2 for f, w in zip(*branches(name), strict=True))
        variance = variance * square
    # The derivative along the clock of the real sampler is a difference of two calls.
    rtol = 2e-4 if name == "local_linearization_time" else 1e-7
    np.testing.assert_allclose(Law(table, SPECTRUM, "exact").variance, variance, rtol=rtol, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAPS[:3])
def test_random_error_adds_the_variance_of_its_bumps(name: str, kind: str) -> None:
    """Eqs. (251), (253): calls bumped one by one; later steps carry what they leave by their mean square multiplier."""
    grid = Grid.create(PROCESSES["vp_linear"](), SIGMAS)
    right = run_table(SOLVERS[name](), grid, 0.7)
    wrong = run_table(SOLVERS[name](error=ModelError(rule, kind, random=True)), grid, 0.7)
    added = np.zeros(EIG.size)
    for k in range(right.steps):
        square = fresh = 0.0
        for f, w in zip(*branches(name), strict=True):
            square = square + w * literal(right, k, f, np.ones(EIG.size), Model()) ** 2
            plain = Model()
            literal(right, k, f, np.zeros(EIG.size), plain)
            for call, sigma in enumerate(plain.calls):
                moved = literal(right, k, f, np.zeros(EIG.size), Model(bump=call))
                fresh = fresh + w * (moved * size(kind, sigma)) ** 2
        added = added * square + fresh
    gap = Law(wrong, SPECTRUM, "exact").variance - Law(right, SPECTRUM, "exact").variance
    np.testing.assert_allclose(gap, added, rtol=1e-7, atol=1e-14)


@pytest.mark.parametrize(("name", "random"), [(n, r) for n in MAPS for r in (False, True) if (n, r) != (MAPS[3], True)])
def test_gradients_see_the_error(name: str, random: bool) -> None:
    """Derivatives of the robust objective by the grid against central differences."""
    spectrum = Spectrum.create(EIG[:3], mean=[0.3, -0.2, 0.1])
    solver, process, eta = SOLVERS[name](error=ModelError(rule, "absolute", random)), PROCESSES["vp_linear"](), np.full(4, 0.6)
    target = OBJECTIVES["robust"]()
    prepared = target.prepare(spectrum)

    def value(log_sigma: np.ndarray) -> float:
        design = Design(np.exp(log_sigma), eta, True, False)
        return target.value(DifferentiableTable(solver, process, design).table, prepared, "sigma")

    x = np.log(SIGMAS)
    table = DifferentiableTable(solver, process, Design(np.exp(x), eta, True, False))
    found = table.gradient(target.value_and_bars(table.table, prepared, "sigma")[1])[0]
    step = 1e-5
    for i in range(x.size):
        bump = step * np.eye(x.size)[i]
        slope = (value(x + bump) - value(x - bump)) / (2 * step)
        assert found[i] == pytest.approx(slope, rel=1e-4, abs=1e-6 * np.abs(found).max())


def test_what_has_no_meaning_is_refused() -> None:
    grid = Grid.create(PROCESSES["ve"](), SIGMAS)
    table = run_table(SOLVERS["local_linearization_time"](error=parse_score_error("random:0.1")), grid)
    with pytest.raises(UnsupportedError, match="no derivative"):
        Law(table, SPECTRUM, "exact")
    table = run_table(SOLVERS["randomized_midpoint"](error=parse_score_error("0.1")), grid)
    with pytest.raises(UnsupportedError, match="denoiser"):
        sample(table, Model().denoise, np.zeros(4))
    flow = Grid.create(PROCESSES["flow"](), [np.inf, 1.0, 0.1])
    with pytest.raises(UnsupportedError, match="pure noise"):
        run_table(SOLVERS["randomized_midpoint"](clock="time", error=parse_score_error("0.1")), flow, 0.0)
