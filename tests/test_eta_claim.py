"""What is said of a constant eta against none and 1: the rule, the sentence, and two cases in the real loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.documents.schemas import BEATS, OptimizerPart
from diffopt.documents.study_schemas import NoiseRow
from diffopt.law.law import Law
from diffopt.law.local_errors import LocalDefects
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.report import noise_answers
from diffopt.schedules import SCHEDULES
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.wrong import Axes, Wrong
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.score_error import parse_score_error
from diffopt.studies.eta_claim import Claim, Ends, claim

EIG = np.array([2.0, 0.8, 0.2])


def asked(solver: str, rule: str, steps: int = 30) -> tuple[Problem, Grid]:
    found = SOLVERS[solver](error=parse_score_error(rule))
    ask = Problem.create(Spectrum.create(EIG), PROCESSES["ve"](), found, steps, 15.0, 0.02, "sigma_min")
    return ask, SCHEDULES["karras"]().grid(ask.span)


@pytest.mark.parametrize("rule", ["noise:-0.05", "data:-0.05", "0.05", "random:0.1", "absolute:0.1"])
@pytest.mark.parametrize("solver", ["ddim", "euler_maruyama", "dpmpp_2m_sde"])
def test_the_claim_is_the_rule(solver: str, rule: str) -> None:
    """Eq. (342) from laws and local errors, by scale: which etas between 0 and 2 are claimed, and of which data."""
    ask, grid = asked(solver, rule)

    def errors(eta: float) -> np.ndarray:
        table, rows = run_table(ask.solver, grid, eta), []
        for c in (1, 1 / 2, 1 / 4, 1 / 8, 1 / 16):
            spectrum = Spectrum.create(c * EIG)
            exact = np.linalg.norm(np.sqrt(Law(table, spectrum, "exact").variance) - np.sqrt(c * EIG + 0.02**2))
            absolute = LocalDefects(table, spectrum).frechet(absolute=True)
            rows.append((exact, np.sqrt((exact**2 + absolute**2) / 2)))
        return np.array(rows)

    ends, least = Ends(ask, grid), np.minimum(errors(0.0), errors(1.0))
    said = set()
    for eta in (0.1, 0.3, 0.5, 0.7, 0.9, 1.3, 2.0):
        ratios = errors(eta) / least
        expected: Claim = "no" if ratios[0, 0] >= 0.95 else "wider" if eta <= 1 and ratios.max() < 0.95 else "gaussian"
        assert ends.claim(eta) == expected
        said.add(expected)
    assert (solver, rule) != ("ddim", "noise:-0.05") or said == {"no", "gaussian", "wider"}


def test_no_claim_without_a_finite_error() -> None:
    ask, grid = asked("euler_maruyama", "0.1", 4)
    logsnr = replace(ask, solver=replace(ask.solver, clock="logsnr"))
    to_zero = Grid.create(PROCESSES["ve"](), [*grid.sigmas[:-1], 0.0])
    assert claim(logsnr, to_zero, 0.5) is None
    assert claim(ask, grid, 0.5) in ("no", "gaussian", "wider")


@pytest.mark.parametrize(("solver", "rule"), [("ddim", "noise:-0.05"), ("euler_maruyama", "-0.07")])
def test_a_wider_claim_holds_on_a_mixture(solver: str, rule: str) -> None:
    """The wrong denoiser in the real loop: the eta that is claimed beats 0 and 1 on Gaussian data and on clusters."""
    rng = np.random.default_rng(2)
    means = rng.normal(size=(3, 3))
    means -= means.mean(axis=0)
    clusters = Mixture.create(np.ones(3), means, variances=np.exp(rng.uniform(-3, 0, (3, 3))))
    covariance = clusters.covariance()
    flags = {"sigma_max": 15.0, "sigma_min": 0.02, "end": "sigma_min", "score_error": rule, "design": "constant"}
    found = diffopt.best_eta(np.linalg.eigvalsh(covariance), solver, 20, schedule="karras", **flags)
    row = noise_answers.claimed(found.document)
    assert row is not None
    assert row["beats_ends"] == "wider"
    assert any("also where data with this spectrum are not Gaussian" in line for line in found.answers())
    grid = Grid.create(PROCESSES["ve"](), found.document["sigmas"])
    goal = np.linalg.cholesky(covariance + 0.02**2 * np.eye(3))
    for target in (clusters, Mixture.create([1.0], np.zeros((1, 3)), covariances=covariance[None])):
        seen = {}
        for eta in (0.0, row["eta"][0], 1.0):
            draw, options = np.random.default_rng(7), {} if row["clock"] is None else {"clock": row["clock"]}
            table = run_table(SOLVERS[solver](**options), grid, eta)
            wrong = Wrong(target, parse_score_error(rule), Axes.of(target), np.random.default_rng(8))
            start = target.draw(3000, draw) + 15.0 * draw.standard_normal((3000, 3))
            out = np.cov(sample(table, wrong.denoise, start, draw, wrong.score).T)
            shared = np.sqrt(np.linalg.eigvalsh(goal.T @ out @ goal)).sum()
            seen[eta] = np.trace(out) + np.trace(goal @ goal.T) - 2 * shared
        assert seen[row["eta"][0]] < min(seen[0.0], seen[1.0])


@pytest.mark.parametrize(
    ("said", "words"),
    [("wider", "are not Gaussian"), ("gaussian", "not said of other data"), ("no", "does not gain a twentieth"), (None, None)],
)
def test_the_sentence_says_of_which_data(said: str | None, words: str | None) -> None:
    lines = noise_answers.beats_ends(said, 0.5)
    assert len(lines) == (words is not None)
    assert all(str(words) in line for line in lines)
    assert noise_answers.beats_ends(said, 0.0) == []
    for part in (NoiseRow, OptimizerPart):
        assert part.model_fields["beats_ends"].description == BEATS


def test_optimize_says_it_of_a_free_eta() -> None:
    """Said of one eta for all steps; an eta of every step, or none that is free, has no claim."""
    flags = {"schedule": "karras", "score_error": "random:0.15", "sigma_max": 15.0, "sigma_min": 0.02, "end": "sigma_min"}
    found = diffopt.optimize(EIG, "euler_maruyama", 5, free="eta", **flags)
    eta = float(found.eta[0])
    assert eta > 0
    ask, grid = asked("euler_maruyama", "random:0.15", 5)
    assert found.document["optimizer"]["beats_ends"] == Ends(ask, grid).claim(eta)
    assert found.answers()[-1] in noise_answers.beats_ends(found.document["optimizer"]["beats_ends"], eta)
    other = diffopt.optimize(EIG, "ddim", 2, free="eta_per_step", **flags)
    assert other.document["optimizer"]["beats_ends"] is None


def test_rows_of_all_designs_but_the_constant_claim_nothing() -> None:
    found = diffopt.best_eta(EIG, "ddim", 5, noise_objective="exact", score_error="noise:0.1", start="sigma")
    for row in found.document["rows"]:
        assert (row["beats_ends"] is not None) == (row["design"] == "constant")
