"""Score errors where users meet them: eta, optimize, loss curves (theory.md, eqs. (170) to (173), (194))."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import diffopt
from diffopt.cli.app import application
from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.documents.loss_curve import curve_error, make_score_error
from diffopt.errors import InputError, UnsupportedError
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.frechet import Discretization, Frechet
from diffopt.objectives.problem import Problem
from diffopt.objectives.robust import Robust
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.schedules import SCHEDULES
from diffopt.simulation.mixture import Mixture
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.score_error import parse_score_error
from diffopt.studies.eta import NoiseStudy

pytestmark = pytest.mark.usefixtures("no_optimum")

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


def errors(rule: str, row: dict, eta: float | None = None, sigma_max: float = 80.0) -> dict[str, float | None]:
    """Exact errors of a row's grid with a score error."""
    solver = SOLVERS[row["solver"]](error=make_score_error(rule, SPECTRUM)).for_data(Dataset.of(SPECTRUM)).for_even_grid()
    ask = Problem.create(SPECTRUM, PROCESSES["ve"](), solver, len(row["sigmas"]) - 1, sigma_max, 0.002)
    return evaluate(ask, Grid.create(ask.process, row["sigmas"]), eta, expand=False).errors()


def test_compare_takes_the_error(tmp_path: Path) -> None:
    """Rows and noise designs are scored with the same error; the optimized row is the best."""
    curve = tmp_path / "loss.csv"
    curve.write_text("sigma,mse\n0.1,0.2\n1,6\n10,30\n")
    rule = f"random:curve:{curve}"
    table = diffopt.compare(SPECTRUM, "ddim,heun", 3, only="karras,ddim_eta_0.5", score_error=rule)
    assert table.document["score_error"] == rule
    for row in table.document["rows"]:
        found = errors(rule, row, row["eta"][0] if row["solver"] == "ddim" else None)
        assert row["frechet"] == pytest.approx(found["frechet"], rel=1e-8)
        assert row["ratio"] >= 1 - 1e-9
    assert any(row["design"] == "ddim_eta_0.5" for row in table.document["rows"])
    assert any("random:curve" in note for note in table.notes)


def test_errors_go_into_other_processes(tmp_path: Path) -> None:
    """What compare sends to its processes survives the way."""
    file = tmp_path / "loss.csv"
    file.write_text("sigma,mse\n0.1,0.2\n1,6\n10,30\n")
    for rule in ("0.1", "random:loss:noise:0.1", f"random:curve:{file}", np.sqrt):
        error = make_score_error(rule, SPECTRUM)
        again = pickle.loads(pickle.dumps(error))
        assert again.size(2.0, np.array(0.5)) == error.size(2.0, np.array(0.5))
        assert (again.kind, again.random, again.text) == (error.kind, error.random, error.text)


def test_recommend_takes_the_error_and_searches_for_eta() -> None:
    """Every row is scored with the error, a fitted one too; a solver with noise gets an eta of its own."""
    found = diffopt.recommend(SPECTRUM, 3, score_error="noise:-0.1", sigma_max=20.0)
    assert any(SOLVERS[row["solver"]].needs_data for row in found.document["rows"])
    for row in found.document["rows"]:
        noisy = SOLVERS[row["solver"]].eta_meaning is not None
        seen = errors("noise:-0.1", row, row["eta"] if noisy else None, 20.0)
        assert seen["robust"] == pytest.approx(row["robust"], rel=1e-6)
        if SOLVERS[row["solver"]].needs_data:
            again = diffopt.evaluate(
                SPECTRUM, sigmas=row["sigmas"], solver=f"{row['solver']}:even=true", score_error="noise:-0.1"
            )
            assert again.errors["robust"] == pytest.approx(row["robust"], rel=1e-6)
    assert found.document["score_error"] == "noise:-0.1"
    sde = next(row for row in found.document["rows"] if row["solver"] == "euler_ancestral")
    assert 0 < sde["eta"] != 1


@pytest.mark.parametrize("rule", ["0.05", "absolute:0.02", "loss:0.1", "random:0.05", "random:absolute:0.02"])
@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_takes_an_error(name: str, rule: str) -> None:
    """Every solver with every kind has errors of its own; one pair has no meaning and says so."""
    solver, error = SOLVERS[name]().for_data(Dataset.of(SPECTRUM)), parse_score_error(rule)
    grid = Grid.create(PROCESSES["ve"](), np.geomspace(20.0, 0.1, 6))
    if name == "local_linearization_time" and error.random:
        with pytest.raises(UnsupportedError, match="no derivative"):
            Robust().value(run_table(replace(solver, error=error), grid), SPECTRUM, "exact")
        return
    for objective in (Robust(), Frechet()):
        right, wrong = (objective.value(run_table(s, grid), SPECTRUM, "exact") for s in (solver, replace(solver, error=error)))
        assert np.isfinite(wrong)
        assert wrong != right


def test_finer_steps_below_the_scores_own_error_buy_nothing() -> None:
    """Steps go on paying with an exact score, and end at the error's own distance with a wrong one: the exact flow's."""
    values = {}
    for rule in (None, "0.02"):
        solver = SOLVERS["dpmpp_2m"](error=None if rule is None else parse_score_error(rule))
        for steps in (160, 640):
            ask = Problem.create(SPECTRUM, PROCESSES["ve"](), solver, steps, 20.0, 0.02, "sigma_min")
            table = run_table(solver, SCHEDULES["karras"]().grid(ask.span))
            values[rule, steps] = Discretization().value(table, SPECTRUM, "exact")
    assert values[None, 640] < values[None, 160] / 8
    # dV/dq = (1 + e) V/(lambda + q), so that the exact flow multiplies V by (c'/c)^(1 + e).
    c, top = SPECTRUM.eig + 0.02**2, SPECTRUM.eig + 400.0
    floor = np.sqrt(np.sum(c * ((c / top) ** 0.01 - 1) ** 2))
    for steps in (160, 640):
        assert values["0.02", steps] == pytest.approx(floor, rel=0.02)


def test_coefficients_are_shown_without_the_errors_nodes() -> None:
    """A fitted solver's coefficients are those of its steps, whatever the model's error."""
    flags = {"solver": "fitted_2", "sigmas": [20.0, 2.0, 0.5, 0.1]}
    right, wrong = (diffopt.evaluate(SPECTRUM, score_error=rule, **flags) for rule in (None, "random:0.05"))
    assert wrong.document["coefficients"] == right.document["coefficients"]


def test_a_curve_per_dimension_is_refused() -> None:
    sigma = np.array([0.1, 1.0, 10.0])
    least = [float(np.mean(SPECTRUM.eig * s**2 / (SPECTRUM.eig + s**2))) for s in sigma]
    with pytest.raises(InputError, match="summed over the 4 dimensions"):
        curve_error(SPECTRUM, sigma, 1.1 * np.array(least))


def test_functions_are_errors_in_python() -> None:
    found = diffopt.evaluate([1.0, 0.1], sigmas=[2.0, 0.5, 0.1], score_error=lambda sigma: 0.1 + 0 * sigma)
    same = diffopt.evaluate([1.0, 0.1], sigmas=[2.0, 0.5, 0.1], score_error="0.1")
    assert found.errors == same.errors
    assert found.document["score_error"] == "function"


def test_a_file_is_evaluated_with_its_own_score_error(tmp_path):
    found = diffopt.optimize([4.0, 1.0, 0.1], "dpmpp_2m", 6, score_error="data:0.1")
    found.save(tmp_path / "grid.json")
    own = diffopt.evaluate([4.0, 1.0, 0.1], tmp_path / "grid.json")
    assert own.errors["frechet"] == pytest.approx(found.errors["frechet"], rel=1e-9)
    assert own.to_dict()["score_error"] == "data:0.1"
    assert any("score error data:0.1 is that of" in line for line in own.notes)
    exact = diffopt.evaluate([4.0, 1.0, 0.1], tmp_path / "grid.json", score_error=0)
    bare = diffopt.evaluate([4.0, 1.0, 0.1], sigmas=list(found.sigmas), solver="dpmpp_2m")
    assert exact.errors["frechet"] == pytest.approx(bare.errors["frechet"], rel=1e-9)
    assert exact.errors["frechet"] != pytest.approx(own.errors["frechet"], rel=1e-2)
    assert any("made for score error data:0.1, evaluated with 0" in line for line in exact.notes)


def test_a_score_error_that_no_file_holds_is_named(tmp_path):
    found = diffopt.optimize([4.0, 1.0], "ddim", 4, score_error=lambda sigma: 0.02 + 0 * sigma)
    found.save(tmp_path / "grid.json")
    own = diffopt.evaluate([4.0, 1.0], tmp_path / "grid.json")
    assert own.to_dict()["score_error"] is None
    assert any("made for score error function, which cannot be made here" in line for line in own.notes)
