"""rho, sigma_min and EDM's churn as free parameters, against the literal loop of algorithm 2 on Gaussian variables."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import pytest
from oracles import FACTS, Run, edm_stochastic

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.report.family import found_numbers
from diffopt.schedules import SCHEDULES
from diffopt.search.descent import optimize
from diffopt.search.knobs import window_levels
from diffopt.search.result import OptimizeResult
from diffopt.solvers import SOLVERS
from diffopt.solvers.score_error import parse_score_error

EIG = np.array([20.0, 1.0, 0.02])
STEPS, HIGH = 5, 40.0
ERRORS = {"systematic": "0.1", "random": "random:0.1"}


class Model:
    """Exact posterior mean with a relative score error of `size`, or an error of unit deviation in one call alone."""

    def __init__(self, size: float = 0.0, bump: int | None = None) -> None:
        self.size, self.bump, self.calls = size, bump, []

    def denoise(self, z: np.ndarray, alpha: float, noise: float) -> np.ndarray:
        out = z - (1 + self.size) * noise**2 / (EIG + noise**2) * z
        if self.bump == len(self.calls):
            out = out + 0.1 * noise**2 / np.sqrt(EIG + noise**2)
        self.calls.append(noise)
        return out


def frechet(sigmas: Any, churn: dict[str, float], error: str | None) -> float:
    """Distance of the output's law to the data, by superposition: the loop is linear in the start and in every noise."""
    size = 0.1 if error == "systematic" else 0.0
    levels, zero = [float(s) for s in sigmas], np.zeros_like(EIG)
    options = {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": np.inf, "s_noise": 1.0, **churn}

    def run(start: np.ndarray, model: Model, noisy: int | None = None) -> np.ndarray:
        noises = [[np.ones_like(EIG) if k == noisy else zero] for k in range(STEPS)]
        return edm_stochastic(Run(model, FACTS["ve"], levels, [0.0] * STEPS, noises, None, options), start)

    first = Model(size)
    variance = run(np.sqrt(EIG + levels[0] ** 2), first) ** 2
    variance = variance + sum(run(zero, Model(size), k) ** 2 for k in range(STEPS))
    if error == "random":
        variance = variance + sum(run(zero, Model(bump=j)) ** 2 for j in range(len(first.calls)))
    return float(np.sqrt(np.sum((np.sqrt(variance) - np.sqrt(EIG)) ** 2)))


def karras(rho: float, low: float) -> np.ndarray:
    """Levels of EDM with a final zero."""
    ramp = np.linspace(0, 1, STEPS)
    return np.append((HIGH ** (1 / rho) + ramp * (low ** (1 / rho) - HIGH ** (1 / rho))) ** rho, 0.0)


@cache
def optimum(error: str | None) -> OptimizeResult:
    wrong = None if error is None else parse_score_error(ERRORS[error])
    problem = Problem.create(
        Spectrum.create(EIG), PROCESSES["ve"](), SOLVERS["edm_stochastic"](error=wrong), STEPS, HIGH, 0.01, "zero", "exact"
    )
    return optimize(problem, OBJECTIVES["frechet"](), ["family"], schedule=SCHEDULES["karras"]())


def used(found: OptimizeResult) -> dict[str, float]:
    return {k: float(getattr(found.solver, k)) for k in ("s_churn", "s_tmin", "s_tmax", "s_noise")}


@pytest.mark.parametrize("error", [None, *ERRORS])
def test_the_optimum_is_what_the_loop_does_and_no_worse_than_a_scan(error: str | None) -> None:
    """Eq. (106) and the objective: windows, churns, noises, rho and sigma_min scanned by the loop alone."""
    found = optimum(error)
    value = frechet(found.grid.sigmas, used(found), error)
    assert value == pytest.approx(found.value, rel=1e-6)
    grid = karras(found.family["rho"], found.family["sigma_min"])
    np.testing.assert_allclose(found.grid.sigmas, grid, rtol=1e-9)
    scan = {}
    for rho, low in itertools.product((3.0, 7.0, 15.0), (0.01, 0.03, 0.1)):
        for gamma in (0.0, 0.02, 0.1, 0.4):
            scan[rho, low, gamma] = frechet(karras(rho, low), {"s_churn": gamma * STEPS}, error)
    for first, last in itertools.combinations_with_replacement(range(STEPS), 2):
        for gamma, noise in itertools.product((0.02, 0.1, 0.4), (0.96, 1.0, 1.04)):
            churn = {"s_churn": gamma * STEPS, "s_noise": noise, **window_levels(grid, first, last)}
            scan[first, last, gamma, noise] = frechet(grid, churn, error)
    best = min(scan, key=scan.__getitem__)
    assert value <= scan[best] * (1 + 2e-3), best


def test_churn_pays_for_a_systematic_error() -> None:
    """It beats both no churn, whatever rho and sigma_min, and the defaults."""
    found = optimum("systematic")
    assert found.family["s_churn"] > 1e-3

    def plain(rhos: np.ndarray, lows: np.ndarray) -> tuple[float, float, float]:
        return min((frechet(karras(rho, low), {}, "systematic"), rho, low) for rho, low in itertools.product(rhos, lows))

    # A scan, and a finer one between the neighbours of its best point.
    _, rho, low = plain(np.geomspace(1.5, 200, 16), np.geomspace(0.01, 0.6, 16))
    least, *_ = plain(rho * np.geomspace(0.7, 1.4, 9), np.clip(low * np.geomspace(0.75, 1.33, 9), 0.01, 0.6))
    assert found.value < least * (1 - 1e-3)
    assert found.value < frechet(karras(7.0, 0.01), {"s_churn": 1.0}, "systematic")


def test_window_levels_let_exactly_these_steps_churn() -> None:
    """Eq. (106): the algorithm's own comparison, for every pair of steps."""
    sigma = karras(7.0, 0.01)
    for first, last in itertools.combinations_with_replacement(range(STEPS), 2):
        ends = window_levels(sigma, first, last)
        inside = [k for k in range(STEPS) if ends["s_tmin"] <= sigma[k] <= ends["s_tmax"]]
        assert inside == list(range(first, last + 1))


@pytest.mark.parametrize("error", [None, "0.1"])
def test_the_answer_has_the_values_and_says_no_churn_as_zero(error: str | None) -> None:
    """Table, file and flags have the same numbers; an s_churn that gains nothing is 0, not the least of the search."""
    given = {} if error is None else {"score_error": error}
    found = diffopt.optimize(
        EIG, solver="edm_stochastic", steps=4, free="family", schedule="karras", objective="frechet", sigma_min=0.3, **given
    ).document
    family, options = found["optimizer"]["family"], found["solver_options"]
    assert {"rho", "s_churn", "s_noise"} <= set(family)
    assert {k: v for k, v in family.items() if k in options}.items() <= options.items()
    assert options["s_churn"] == 0 or options["s_churn"] > 1e-3
    lines = found_numbers(found)
    assert f"--S_churn={options['s_churn']:.8g} --S_min={options['s_tmin']:.8g}" in lines[-1]
    assert any("does not pay" in line for line in lines) == (options["s_churn"] == 0)


def test_eta_of_churn_is_refused_with_what_to_try() -> None:
    with pytest.raises(InputError, match='no eta, its noise is the churn; use free="family"'):
        diffopt.optimize(EIG, solver="edm_stochastic", steps=4, free="eta", schedule="karras")
