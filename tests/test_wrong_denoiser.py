"""A wrong denoiser in the real loop, on Gaussian data against the exact law and on others by its definition."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.data.spectrum import Spectrum
from diffopt.documents.loss_curve import make_score_error
from diffopt.errors import InputError, UnsupportedError
from diffopt.law.law import Law
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.simulation.empirical import Empirical
from diffopt.simulation.gaussian import Gaussian
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.run import Batch, run
from diffopt.simulation.target import Target
from diffopt.simulation.user import UserDenoiser
from diffopt.simulation.wrong import Axes, Wrong
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.model_error import ModelError

EIG = np.array([3.0, 0.5, 0.1])
SIGMAS = [5.0, 2.0, 0.9, 0.3, 0.1]
RULES = ("0.1", "noise:-0.1", "absolute:0.1", "loss:0.1", "random:0.1", "random:absolute:0.1", "random:loss:0.2")
NAMES = ("euler", "heun", "dpmpp_2m", "unipc", "dpmpp_2m_sde", "euler_maruyama", "randomized_midpoint")


def turned() -> tuple[Mixture, np.ndarray]:
    """One Gaussian with axes of its own, and these."""
    basis = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))[0]
    return Mixture.create([1.0], [[1.0, -2.0, 0.5]], covariances=[(basis * EIG) @ basis.T]), basis


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NAMES)
def test_on_gaussian_data_the_loop_has_the_exact_law(name: str, rule: str) -> None:
    """Eqs. (340), (341) against (69), (171), (172), (250), (251): variances along the axes within 5 standard errors."""
    target, basis = turned()
    error = make_score_error(rule, Spectrum.create(EIG))
    solver, grid, count = SOLVERS[name](), Grid.create(PROCESSES["vp_linear"](), SIGMAS), 6000
    table = run_table(solver, grid)
    batch = Batch(target, count, 1, "exact", error)
    end = run(batch, [table])[0] @ basis
    exact = Law(run_table(SOLVERS[name](error=error), grid), Spectrum.create(EIG), "exact").variance
    if table.maps is not None and table.maps.random:
        # One random fraction is drawn for a whole block, so that blocks and not samples are independent.
        found = np.array([np.var(part, axis=0) for part in np.array_split(end, batch.blocks)])
        far = 5 * found.std(axis=0, ddof=1) / np.sqrt(len(found))
        assert np.all(np.abs(found.mean(axis=0) - exact) < far + 0.01 * exact)
        return
    assert np.all(np.abs(end.var(axis=0, ddof=1) / exact - 1) < 5 * np.sqrt(2 / count))


@pytest.mark.parametrize("rule", ["0.1", "data:0.2"])
def test_a_relative_error_is_a_longer_score_of_any_law(rule: str) -> None:
    """Eq. (340): S becomes (1 + e) S."""
    target = Mixture.create([0.3, 0.7], [[2.0, 0.0], [-1.0, 1.0]], variances=[[0.1, 0.4], [0.3, 0.2]])
    error, z = make_score_error(rule, Spectrum.create([1.0])), np.random.default_rng(0).standard_normal((5, 2))
    wrong = Wrong(target, error, Axes.of(target), np.random.default_rng(1))
    e = error.rule(1.0, np.array(0.5 / 0.8))
    np.testing.assert_allclose(wrong.score(z, 0.8, 0.5), (1 + e) * target.score(z, 0.8, 0.5), rtol=1e-12)
    tweedie = (z + 0.25 * wrong.score(z, 0.8, 0.5)) / 0.8
    np.testing.assert_allclose(wrong.denoise(z, 0.8, 0.5), tweedie, rtol=1e-12)


def test_errors_along_axes_have_their_size() -> None:
    """Eqs. (170), (340): a rule e(eig, sigma), which no axis shares."""
    target, basis = turned()
    error = ModelError(lambda eig, sigma: 0.1 * eig / (1 + sigma), "absolute")
    wrong = Wrong(target, error, Axes.of(target), np.random.default_rng(1))
    z = 0.8 * target.draw(4000, np.random.default_rng(2)) + 0.5 * np.random.default_rng(5).standard_normal((4000, 3))
    gap = (wrong.denoise(z, 0.8, 0.5) - target.denoise(z, 0.8, 0.5)) @ basis
    np.testing.assert_allclose(gap.std(axis=0), 0.1 * EIG / (1 + 0.5 / 0.8), rtol=5 * np.sqrt(0.5 / 4000))
    np.testing.assert_allclose(gap.mean(axis=0), 0, atol=5 * 0.2 / np.sqrt(4000))


def test_one_call_has_one_error() -> None:
    """Eq. (341): what reads the same call's output, denoiser or score, reads the same error; another call has another."""
    target, _ = turned()
    wrong = Wrong(target, make_score_error("random:0.1", Spectrum.create(EIG)), Axes.of(target), np.random.default_rng(1))
    z = np.ones((4, 3))
    first = wrong.denoise(z, 0.8, 0.5)
    np.testing.assert_array_equal(wrong.denoise(z, 0.8, 0.5), first)
    np.testing.assert_allclose(wrong.score(z, 0.8, 0.5), (0.8 * first - z) / 0.25)
    assert np.all(wrong.denoise(z.copy(), 0.8, 0.5) != first)


@pytest.mark.parametrize("target", [Gaussian.create(EIG, np.ones(3)), turned()[0], Empirical.create(np.eye(3), 0.1)])
def test_axes_are_those_of_the_covariance(target: Target) -> None:
    axes = Axes.of(target)
    draws = target.draw(40_000, np.random.default_rng(0))
    np.testing.assert_allclose((axes.basis * axes.eig) @ axes.basis.T, np.cov(draws.T), atol=0.06)
    np.testing.assert_allclose(axes.mean, draws.mean(axis=0), atol=0.05)


def test_the_mean_jacobian_is_below_the_gaussian_one() -> None:
    """Eq. (343) for a mixture of the same covariance, at three levels, by finite differences."""
    target = Mixture.create([0.4, 0.6], [[1.5, 0.0], [-1.0, 0.0]], variances=[[0.1, 0.8], [0.2, 0.3]])
    rng, sigma_matrix, h = np.random.default_rng(4), target.covariance(), 1e-4
    for alpha, level in ((1.0, 2.0), (0.9, 0.6), (1.0, 0.2)):
        z = alpha * target.draw(4000, rng) + level * rng.standard_normal((4000, 2))
        sides = [target.denoise(z + h * e, alpha, level) - target.denoise(z - h * e, alpha, level) for e in np.eye(2)]
        mean = np.stack([side.mean(axis=0) / (2 * h) for side in sides])
        linear = alpha * sigma_matrix @ np.linalg.inv(alpha**2 * sigma_matrix + level**2 * np.eye(2))
        assert np.linalg.eigvalsh(linear - (mean + mean.T) / 2).min() > -0.01


def test_simulate_takes_it_and_the_reference_does_not(tmp_path: Any, capsys: pytest.CaptureFixture) -> None:
    """The rows move, the fine run stays, and a Gaussian target is as far off as `evaluate` says."""
    flags = {"solver": "dpmpp_2m", "steps": 8, "schedule": "karras", "count": 2000, "reference_steps": 30}
    plain, wrong = (diffopt.simulate(Gaussian.create(EIG), score_error=rule, **flags) for rule in (None, "absolute:0.2"))
    np.testing.assert_array_equal(plain.reference, wrong.reference)
    exact = diffopt.evaluate(EIG, solver="dpmpp_2m", steps=8, schedule="karras", score_error="absolute:0.2").errors["frechet"]
    part = wrong.document["rows"][0]["limit"]["frechet"]
    assert part["low"] * 0.97 < exact < part["high"] * 1.03
    assert wrong.document["score_error"] == "absolute:0.2"
    assert plain.document["score_error"] is None
    np.savez(tmp_path / "mix.npz", weights=[1.0, 1.0], means=[[1.0, 0.0], [-1.0, 0.5]], variances=[[0.1, 0.2], [0.3, 0.1]])
    argv = ["simulate", "--mixture", str(tmp_path / "mix.npz"), "--score-error", "random:0.1", "-n", "3", "--schedule", "karras",
            "--count", "30", "--reference-steps", "8", "-q", "--format", "json"]  # fmt: skip
    assert main(argv) == 0
    assert json.loads(capsys.readouterr().out)["score_error"] == "random:0.1"


def test_random_errors_do_not_depend_on_processes() -> None:
    target, _ = turned()
    batch = Batch(target, 600, 1, "exact", make_score_error("random:0.1", Spectrum.create(EIG)))
    table = run_table(SOLVERS["euler"](), Grid.create(PROCESSES["ve"](), SIGMAS))
    np.testing.assert_array_equal(run(batch, [table], 2)[0], run(batch, [table], 1)[0])
    right = run(batch, [table, table], right=1)
    np.testing.assert_array_equal(right[0], run(Batch(target, 600, 1), [table])[0])
    assert np.all(right[1] != right[0])


def test_a_denoiser_of_ones_own_is_run_as_it_is() -> None:
    with pytest.raises(InputError, match="mixture or samples"):
        diffopt.simulate(lambda x, sigma: x / (1 + sigma**2), shape=2, score_error=0.1, count=8)
    target = UserDenoiser(lambda x, sigma: x, (2,))
    with pytest.raises(InputError, match="axes"):
        Batch(target, 4, error=make_score_error("0.1", Spectrum.create([1.0]))).model(0)
    mixture = Mixture.create([1.0], [[0.0, 0.0]], variances=[[1.0, 2.0]])
    with pytest.raises(UnsupportedError, match="pure noise"):
        diffopt.simulate(mixture, process="flow", score_error=0.1, count=8, steps=3, schedule="uniform_t")


def test_convergence_shows_the_floor_of_a_score_error() -> None:
    """A systematic error levels off at the law of infinitely many steps; independent errors average out like 1/N."""
    flags = {"solver": "heun", "steps": [40, 80, 160, 320], "metric": "frechet", "sigma_min": 0.05, "sigma_max": 20.0}
    wrong = diffopt.orders([1.0, 0.1], score_error="0.02", **flags).document
    row = wrong["rows"][0]
    assert wrong["score_error"] == "0.02"
    assert abs(row["order"]) < 0.1
    assert row["needed"] is None
    assert "a score error may be a floor" in row["note"]
    # d log V/d log(eig + sigma^2) = 1 + e along the flow (eq. 69).
    eig, low, high = np.array([1.0, 0.1]), 0.05**2, 400.0
    limit = (eig + high) * ((eig + low) / (eig + high)) ** 1.02
    floor = np.sqrt(np.sum((np.sqrt(limit) - np.sqrt(eig + low)) ** 2))
    assert row["errors"][-1] == pytest.approx(floor, rel=0.01)
    finer = {**flags, "steps": [320, 640, 1280]}
    short = diffopt.orders([1.0, 0.1], "euler", [20, 40], metric="frechet", score_error="0.02", accuracy=1e-3, sigma_min=0.05)
    assert short.document["rows"][0]["order"] > 0.3
    assert short.document["rows"][0]["needed"] is None
    random = diffopt.orders([1.0, 0.1], score_error="random:0.2", **finer).document["rows"][0]
    assert random["order"] == pytest.approx(1, abs=0.1)


def test_strong_errors_are_of_an_exact_score(capsys: pytest.CaptureFixture) -> None:
    found = diffopt.orders([1.0], "euler", [20, 40], score_error=0.1, sigma_min=0.05)
    assert [row["metric"] for row in found.document["rows"]] == ["frechet", "weak"]
    assert any("strong errors are those of an exact score" in note for note in found.notes)
    with pytest.raises(InputError, match='metric="frechet,weak"'):
        diffopt.orders([1.0], "euler", [20, 40], score_error=0.1, metric="strong")
