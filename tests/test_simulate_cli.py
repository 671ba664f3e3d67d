"""`diffopt simulate` and `diffopt spectrum from-loss` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import diffopt
from diffopt.cli.main import main
from diffopt.documents.schemas import DOCUMENTS
from diffopt.simulation.gaussian import Gaussian
from diffopt.simulation.mixture import Mixture

MODEL = """
import numpy as np
shape = (2,)
def good(x, sigma):
    return np.tanh(x / sigma**2)
def short(x, sigma):
    return x[:1]
def nan(x, sigma):
    return x * np.nan
def raises(x, sigma):
    raise RuntimeError("no GPU\\nfound")
def leaves(x, sigma):
    raise SystemExit(3)
def silent(x, sigma):
    raise ValueError
def prints(x, sigma):
    print("at", sigma)
    return good(x, sigma)
def tensor(x, sigma):
    import torch
    return torch.as_tensor(good(x, sigma)).requires_grad_().bfloat16()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_denoiser.py").write_text(MODEL)
    (tmp_path / "broken_denoiser.py").write_text("import no_such_package_anywhere\n")
    rng = np.random.default_rng(0)
    np.savez("mix.npz", weights=[0.3, 0.7], means=[[-2.0, 0.0], [1.0, 0.5]], variances=[[0.1, 0.4], [0.2, 0.05]])
    np.save("samples.npy", rng.normal([1.0, 0.0, -1.0], [1.0, 0.5, 0.1], (60, 3)))
    np.savez("bomb.npz", weights=[1.0], means=[[0.0]], variances=[[1.0]])
    content = bytearray(Path("bomb.npz").read_bytes())
    place = content.index(b"PK\x01\x02")  # its directory claims more than a gigabyte for the first array
    content[place + 24 : place + 28] = (1_500_000_000).to_bytes(4, "little")
    Path("bomb.npz").write_bytes(content)
    np.savez("measured.npz", matrix=[[1.0, 0.0]], measurement=[0.8], noise=0.2)
    (tmp_path / "grid.json").write_text(json.dumps({"sigmas": [80, 5, 1, 0.1, 0], "solver": "heun"}))
    return tmp_path


def simulate(capsys, *argv):
    assert main(["simulate", *argv, "--count", "80", "--reference-steps", "20", "-q", "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


TARGETS = {
    "mixture": ["--mixture", "mix.npz"],
    "samples": ["--samples", "samples.npy", "--bandwidth", "0.2"],
    "fitted": ["--samples", "samples.npy", "--components", "2"],
    "denoiser": ["--denoiser", "own_denoiser:good", "--shape", "2"],
    "denoiser of a file": ["--denoiser", "own_denoiser.py:good", "--shape", "2"],
    "denoiser with data": ["--denoiser", "own_denoiser:good", "--samples", "samples.npy"],
    "posterior": ["--mixture", "mix.npz", "--posterior", "measured.npz"],
    "posterior of samples": ["--mixture", "mix.npz", "--posterior", "measured.npz", "-s", "dpmpp_2m_sde"],
    "flow": ["--mixture", "mix.npz", "--process", "flow"],
    "stopped": ["--mixture", "mix.npz", "--end", "sigma_min", "--sigma-min", "0.1", "--start", "unit"],
}


@pytest.mark.parametrize("name", TARGETS)
def test_documents_follow_their_schema(capsys, folder, name):
    data = simulate(capsys, *TARGETS[name], "-n", "3")
    Draft202012Validator(DOCUMENTS["diffopt.simulation/1"].model_json_schema(by_alias=True)).validate(data)
    assert data["samples"] == 80
    for row in data["rows"]:
        for part in (row["limit"], row["data"]):
            assert part is None or all(0 <= m["low"] <= m["value"] <= m["high"] for m in part.values())
    known = name not in ("denoiser", "denoiser of a file")
    assert (data["floor"] is not None) == known
    assert [row["schedule"] for row in data["rows"]] == ["uniform_t" if name == "flow" else "karras"] + (
        ["optimized"] if known else []
    )


def test_rows_are_schedules_solvers_steps_and_grids(capsys, folder):
    data = simulate(capsys, "grid.json", "--mixture", "mix.npz", "--schedule", "karras:rho=5,exponential", "-s",
                    "euler,heun", "-n", "3,4")  # fmt: skip
    found = [(row["schedule"], row["solver"], row["steps"], row["denoiser_calls"]) for row in data["rows"]]
    named = [(s, m, n, n if m == "euler" else 2 * n - 1) for m in ("euler", "heun") for n in (3, 4)
             for s in ("karras:rho=5", "exponential")]  # fmt: skip
    assert found == [*named, ("grid", "euler", 4, 4), ("grid", "heun", 4, 7)]
    alone = simulate(capsys, "grid.json", "--mixture", "mix.npz")["rows"]
    assert [(row["schedule"], row["solver"]) for row in alone] == [("grid", "heun")]
    assert alone[0]["sigmas"] == [80, 5, 1, 0.1, 0]


def test_gaussian_targets_are_as_far_off_as_the_exact_law_says():
    """Frechet distance of 4000 samples, from a linear map, against `evaluate` on the same spectrum."""
    eig = np.array([4.0, 0.5, 0.1])
    result = diffopt.simulate(Gaussian.create(eig), solver="euler", steps=6, schedule="karras", count=4000)
    exact = diffopt.evaluate(eig, solver="euler", steps=6, schedule="karras").errors["frechet"]
    found = result.document["rows"][0]["limit"]["frechet"]
    assert found["low"] * 0.97 < exact < found["high"] * 1.03


def test_noise_has_no_path_and_paths_have_the_same_noise(capsys, folder):
    rows = simulate(capsys, "--mixture", "mix.npz", "-s", "heun,dpmpp_2m_sde", "-n", "5", "--schedule", "karras")["rows"]
    assert set(rows[0]["limit"]) == {"rmse", "median", "frechet", "sliced_w2", "energy"}
    assert set(rows[1]["limit"]) == {"frechet", "sliced_w2", "energy"}
    assert "noise of its own" in rows[1]["reason"]


def test_seeds_and_workers(capsys, folder):
    argv = ["--mixture", "mix.npz", "-n", "3", "--schedule", "karras"]
    first = simulate(capsys, *argv)
    assert simulate(capsys, *argv, "--workers", "2") == first
    other = simulate(capsys, *argv, "--seed", "1")
    assert other["rows"][0]["limit"]["rmse"] != first["rows"][0]["limit"]["rmse"]


def test_results_are_saved_loaded_and_shown(capsys, folder):
    result = diffopt.simulate(mixture="mix.npz", schedule="karras", steps=3, count=50, reference_steps=10)
    result.save("out.json")
    again = diffopt.load("out.json")
    assert again.document == result.document
    assert result.samples["karras"].shape == result.reference.shape == (50, 2)
    header = result.render("csv").splitlines()[0].split(",")
    assert header[:8] == ["schedule", "solver", "steps", "calls", "rmse", "rmse_low", "rmse_high", "median"]
    assert "data_energy_high" in header
    assert "karras" in result.render("table")
    assert repr(result) == "SimulationResult(1 rows, nearest to the limit karras with euler)"


def test_a_posterior_is_nearer_to_its_measurement(folder):
    """Samples given x_1 = 0.8 with noise 0.2 concentrate there; prior samples do not."""
    options = {"mixture": "mix.npz", "solver": "heun", "steps": 12, "count": 400, "reference_steps": 24}
    options["schedule"] = "exponential"
    given = diffopt.simulate(posterior=(np.array([[1.0, 0.0]]), np.array([0.8]), 0.2), **options)
    prior = diffopt.simulate(**options)
    exact = Mixture.create([0.3, 0.7], [[-2, 0], [1, 0.5]], variances=[[0.1, 0.4], [0.2, 0.05]])
    after = exact.posterior([[1.0, 0.0]], [0.8], 0.2)
    assert given.reference[:, 0].mean() == pytest.approx(float((after.weights @ after.means)[0]), abs=0.05)
    assert given.reference[:, 0].std() < 0.3 < prior.reference[:, 0].std()


def test_what_a_denoiser_prints_is_no_data(capsys, folder):
    argv = ["simulate", "--shape", "2", "-n", "3", "--count", "8", "--reference-steps", "10", "--format", "json"]
    assert main([*argv, "--denoiser", "own_denoiser:prints"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["samples"] == 8
    assert "at 80.0" in err


def test_tensors_of_any_precision_are_arrays(capsys, folder):
    """bfloat16 keeps eight bits, so that the samples are near those of the array."""
    pytest.importorskip("torch")
    from diffopt.simulation.user import UserDenoiser, find_function

    x = np.linspace(-2, 2, 8).reshape(4, 2)
    found = UserDenoiser(find_function("own_denoiser:tensor"), (2,)).denoise(x, 1.0, 0.7)
    np.testing.assert_allclose(found, np.tanh(x / 0.49), rtol=2**-8)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "name one target"),
        (["--mixture", "mix.npz", "--samples", "samples.npy"], "name one target"),
        (["--mixture", "none.npz"], "no such file"),
        (["--mixture", "samples.npy"], "must be an .npz with means, weights and one of covariances, variances"),
        (["--mixture", "own_denoiser.py"], "must be an .npz with means"),
        (["--mixture", "bomb.npz"], "raise --memory 1.397 (gigabytes)"),
        (["--mixture", "measured.npz"], "expected means, weights"),
        (["--samples", "none.npy"], "no such file"),
        (["--denoiser", "own_denoiser:good"], "--shape 3,32,32"),
        (["--denoiser", "own_denoiser:good", "--shape", "2,x"], "--shape must look like"),
        (["--denoiser", "own_denoiser:none", "--shape", "2"], "has no 'none'"),
        (["--denoiser", "own_denoiser", "--shape", "2"], "MODULE:FUNCTION"),
        (["--denoiser", "no_such_module:f", "--shape", "2"], "does not import"),
        (["--denoiser", "broken_denoiser:f", "--shape", "2"], "does not import: ModuleNotFoundError"),
        (["--denoiser", "own_denoiser:short", "--shape", "2"], "returned shape (1, 2)"),
        (["--denoiser", "own_denoiser:nan", "--shape", "2"], "NaN"),
        (["--denoiser", "own_denoiser:raises", "--shape", "2"], "raised RuntimeError: no GPU found"),
        (["--denoiser", "own_denoiser:leaves", "--shape", "2"], "raised SystemExit: 3"),
        (["--denoiser", "own_denoiser:silent", "--shape", "2"], "raised ValueError"),
        (["--denoiser", "own_denoiser:good", "--shape", "2", "--schedule", "optimized"], "reads a spectrum"),
        (["--denoiser", "own_denoiser:good", "--shape", "2", "--schedule", "first_order"], "reads a spectrum"),
        (["--denoiser", "own_denoiser:good", "--shape", "2", "--workers", "2"], "in this process"),
        (["--denoiser", "own_denoiser:good", "--shape", "2", "--posterior", "measured.npz"], "exact posterior score"),
        (["--mixture", "mix.npz", "--bandwidth", "0.1"], "--bandwidth is for --samples"),
        (["--mixture", "mix.npz", "-s", ""], "is empty"),
        (["--mixture", "mix.npz", "-s", " , "], "is empty"),
        (["--mixture", "mix.npz", "--count", "1"], "--count must be a whole number from 4"),
        (["--mixture", "mix.npz", "--memory", "0"], "--memory must be positive"),
        (["--mixture", "mix.npz", "--schedule", "karas"], "karras"),
        (["--samples", "samples.npy", "--components", "100"], "components must lie in 1..60"),
        (["none.json", "--mixture", "mix.npz"], "none.json"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_one_line(capsys, folder, argv, words):
    assert main(["simulate", *argv, "-n", "3"]) == 2
    out, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if not line.startswith("note:")]
    assert out == ""
    assert len(errors) == 1
    assert words in errors[0]


def curve(path, sigma, mse, header="sigma,mse"):
    path.write_text("\n".join([header, *(f"{s},{m}" for s, m in zip(sigma, mse, strict=True))]) + "\n")


def test_a_curve_becomes_a_spectrum_that_optimize_reads(capsys, tmp_path, monkeypatch):
    """m = 3 * 4 s^2/(4 + s^2) + 5 * 0.1 s^2/(0.1 + s^2), summed and per dimension of 10."""
    monkeypatch.chdir(tmp_path)
    s = np.geomspace(0.02, 60, 30)
    m = 12 * s**2 / (4 + s**2) + 0.5 * s**2 / (0.1 + s**2)
    curve(tmp_path / "sum.csv", s, m)
    curve(tmp_path / "each.csv", s, m / 10)
    assert main(["spectrum", "from-loss", "sum.csv", "-o", "one.json"]) == 0
    said = capsys.readouterr().err
    assert "summed over the values of a sample, 8" in said and "if they are means, give --dim N" in said
    assert main(["spectrum", "from-loss", "each.csv", "--dim", "10", "-o", "two.json", "-q"]) == 0
    capsys.readouterr()
    for path, dim in (("one.json", 8), ("two.json", 10)):
        spectrum = diffopt.load(path).spectrum
        assert spectrum.trace == pytest.approx(12.5, rel=1e-2)
        assert spectrum.dim == pytest.approx(dim, rel=2e-2)
    assert main(["optimize", "one.json", "-n", "4", "-q"]) == 0
    grid = json.loads(capsys.readouterr().out)
    exact = diffopt.optimize(np.repeat([4.0, 0.1], [3, 5]), steps=4)
    np.testing.assert_allclose(grid["sigmas"], exact.sigmas, rtol=0.03)
    # Taken for the other kind: sums have ten times the directions, means a tenth.
    assert main(["spectrum", "from-loss", "sum.csv", "--dim", "10", "-o", "three.json"]) == 2
    said = capsys.readouterr().err
    assert "--dim 10, but the errors explain 80" in said and "leave --dim out" in said and not (tmp_path / "three.json").exists()
    assert main(["spectrum", "from-loss", "each.csv", "-o", "three.json"]) == 0
    assert "directions in all; that few is what means over the values give" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sigma,mse\n1,0.5\n", "at least 2 points"),
        ("sigma,mse\n1,0.5\n2,-0.1\n", "mse must be positive"),
        ("sigma,loss\n1,0.5\n2,0.7\n", "a curve has sigma and mse"),
        ("1 2 3\n4 5 6\n", "two, sigma and mse"),
        ("", "curve.csv"),
    ],
)
def test_curves_that_are_none_are_one_line(capsys, tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curve.csv").write_text(text)
    assert main(["spectrum", "from-loss", "curve.csv", "-o", "out.json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err
    assert not (tmp_path / "out.json").exists()
