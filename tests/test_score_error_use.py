"""Score errors where users meet them: eta, optimize, loss curves (theory.md, eqs. (170) to (173), (194))."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import diffopt
from diffopt.cli.app import application
from diffopt.data.spectrum import Spectrum
from diffopt.documents.loss_curve import curve_error, make_score_error
from diffopt.errors import InputError
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.schedules import SCHEDULES
from diffopt.simulation.mixture import Mixture
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.score_error import parse_score_error
from diffopt.studies.eta import NoiseStudy

MEANS, VARIANCES = [[-3.0, 0, 0, 0.5], [3.0, 0, 0, -0.5]], [[0.3, 1.0, 0.2, 0.05], [0.5, 0.6, 0.2, 0.05]]
TARGETS = {"mixture": Mixture.create([0.5, 0.5], MEANS, variances=VARIANCES)}
COVARIANCE = TARGETS["mixture"].covariance()
TARGETS["gaussian"] = Mixture.create([1.0], [[0.0] * 4], covariances=[COVARIANCE])
SPECTRUM = Spectrum.create(np.linalg.eigvalsh(COVARIANCE))


def distance(samples: np.ndarray) -> float:
    """Frechet distance of the moments, by the eigenvalues of a product."""
    root = np.linalg.cholesky(COVARIANCE)
    found = np.cov(samples.T)
    inner = np.linalg.eigvalsh(root.T @ found @ root).clip(0)
    mean = samples.mean(axis=0)
    return float(np.sqrt(mean @ mean + np.trace(found) + np.trace(COVARIANCE) - 2 * np.sqrt(inner).sum()))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("rule", "steps"), [("noise:-0.03", 60), ("noise:0.2", 100)])
def test_the_best_eta_beats_none_and_one_in_simulation(rule: str, steps: int, target: str) -> None:
    """The tool says that an eta between beats 0 and 1; 12,000 simulated samples with the wrong score agree."""
    ask = Problem.create(SPECTRUM, PROCESSES["ve"](), SOLVERS["ddim"](), steps, 20.0, 0.02, "sigma_min")
    grid, error = SCHEDULES["karras"]().grid(ask.span), parse_score_error(rule)
    study = NoiseStudy(ask, grid, error)
    best = study.solve("constant", "exact")
    said = {eta: study.error("exact", eta) for eta in (0.0, float(best.eta[0]), 1.0)}
    assert min(said, key=said.__getitem__) == best.eta[0]
    assert said[float(best.eta[0])] < 0.9 * min(said[0.0], said[1.0])
    data, seen = TARGETS[target], {}
    for eta in said:
        rng = np.random.default_rng(3)
        start = data.draw(12_000, rng) + 20.0 * rng.standard_normal((12_000, 4))

        def wrong(z, alpha, level):
            exact = data.denoise(z, alpha, level)
            return exact + error.rule(1.0, np.array(level / alpha)) * (exact - z)

        seen[eta] = distance(sample(run_table(ask.solver, grid, eta), wrong, start, rng))
    assert seen[float(best.eta[0])] < min(seen[0.0], seen[1.0])


def test_optimize_takes_the_error_into_account() -> None:
    """The optimum for a wrong score is better, with that score, than the optimum for the exact one."""
    flags = {"solver": "dpmpp_3m", "steps": 6, "sigma_min": 0.02}
    plain = diffopt.optimize(SPECTRUM, **flags)
    aware = diffopt.optimize(SPECTRUM, score_error="random:0.1", **flags)
    values = [diffopt.evaluate(SPECTRUM, g, score_error="random:0.1").errors["robust"] for g in (plain, aware)]
    assert values[1] < values[0]
    assert aware.errors["robust"] == pytest.approx(values[1])
    assert aware.document["score_error"] == "random:0.1"
    assert plain.errors["robust"] < aware.errors["robust"]
    assert any("random:0.1 (random)" in note for note in aware.notes)


def test_eta_pays_in_optimize_with_a_wrong_score() -> None:
    flags = {"solver": "ddim", "steps": 40, "sigma_max": 20.0, "free": "eta", "schedule": "karras", "eta": 0.5,
             "objective": "discretization"}  # fmt: skip
    right = diffopt.optimize(SPECTRUM, **flags)
    wrong = diffopt.optimize(SPECTRUM, score_error="noise:-0.03", **flags)
    assert right.eta.max() < 0.02
    assert wrong.eta.min() > 0.3


def test_a_loss_curve_gives_back_its_error() -> None:
    """Eq. (194): the loss that a relative error of 5 % would have."""
    sigma = np.geomspace(0.05, 10, 9)
    c = SPECTRUM.eig + sigma[:, None] ** 2
    loss = (SPECTRUM.eig * sigma[:, None] ** 2 / c + 0.05**2 * sigma[:, None] ** 4 / c).sum(axis=1)
    error = curve_error(SPECTRUM, sigma[::-1], loss[::-1], random=True)
    where = np.array([0.01, 0.05, 0.7, 10.0, 50.0])
    np.testing.assert_allclose(error.rule(1.0, where), 0.05, rtol=1e-9)
    assert error.random
    size, slope = error.size(1.0, where), error.slope(1.0, where)
    np.testing.assert_allclose(slope, (error.size(1.0, where + 1e-7) - size) / 1e-7, rtol=1e-4)


@pytest.mark.parametrize(
    ("sigma", "mse", "message"),
    [([1, 2], [1], "as many"), ([0, 1], [1, 1], "> 0"), ([1, 2], [np.nan, 1], "finite"), ([1, 1], [1, 1], "twice")],
)
def test_bad_curves_say_so(sigma: list, mse: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        curve_error(SPECTRUM, np.array(sigma, dtype=float), np.array(mse, dtype=float))


def test_curves_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "loss.csv"
    file.write_text("sigma,mse\n0.1,0.05\n1,2.5\n10,12\n")
    assert make_score_error(f"random:curve:{file}", SPECTRUM).random
    with pytest.raises(InputError, match="only random"):
        make_score_error(f"loss:curve:{file}", SPECTRUM)
    np.savetxt(tmp_path / "s.txt", SPECTRUM.eig)
    out = tmp_path / "eta.json"
    args = ["eta", str(tmp_path / "s.txt"), "-s", "ddim", "-n", "5", "--design", "constant", "--score-error", f"curve:{file}"]
    done = CliRunner().invoke(application("eta"), [*args, "--noise-objective", "exact", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text())["score_error"] == f"curve:{file}"


def test_functions_are_errors_in_python() -> None:
    found = diffopt.evaluate([1.0, 0.1], sigmas=[2.0, 0.5, 0.1], score_error=lambda sigma: 0.1 + 0 * sigma)
    same = diffopt.evaluate([1.0, 0.1], sigmas=[2.0, 0.5, 0.1], score_error="0.1")
    assert found.errors == same.errors
    assert found.document["score_error"] == "function"
