"""One carrier, one evaluation: the same data give the same answer by every door, and an error is one line of one table."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.api import optimum
from diffopt.cli.main import main
from diffopt.data import compression
from diffopt.data.builtin import photos
from diffopt.data.dataset import Dataset
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents.spectrum_formats import to_json, to_npz
from diffopt.objectives.metrics import METRICS

pytestmark = pytest.mark.usefixtures("no_optimum")

ROOT = Path(diffopt.__file__).parents[1]
POOLED = Spectrum.create([10.0, 1.0, 0.1])
MEMBERS = Ensemble.create([Spectrum.create([100.0, 0.01, 0.01]), Spectrum.create([1e-3] * 3)], [1, 3])


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("e.json").write_bytes(to_json(POOLED, {}, MEMBERS))
    Path("e.npz").write_bytes(to_npz(POOLED, {}, MEMBERS))
    np.savez("nofacts.npz", **{k: v for k, v in np.load("e.npz").items() if k != "facts"})
    return tmp_path


def sigmas(*words, capsys):
    assert main(["optimize", *words, "-n", "4", "-q"]) == 0
    return json.loads(capsys.readouterr().out)["sigmas"]


def test_an_ensemble_gives_one_grid_by_path_pipe_and_python(files, capsys, monkeypatch):
    expected = diffopt.optimize(Dataset(POOLED, MEMBERS), steps=4).sigmas.tolist()
    assert expected != diffopt.optimize(POOLED, steps=4).sigmas.tolist()
    for name in ("e.json", "e.npz", "nofacts.npz"):
        assert sigmas(name, capsys=capsys) == expected, name
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(name).read_bytes())))
        assert sigmas("-", capsys=capsys) == expected, f"{name} by a pipe"


def test_another_array_of_an_ensemble_file_is_data_of_its_own(files, capsys):
    member = diffopt.optimize(MEMBERS.spectra[0], steps=4).sigmas.tolist()
    assert sigmas("e.npz", "--key", "eigenvalues_0", capsys=capsys) == member
    assert sigmas("e.npz", "--key", "eigenvalues", capsys=capsys) == sigmas("e.npz", capsys=capsys)


@pytest.mark.parametrize("members", [None, MEMBERS])
@pytest.mark.parametrize("solver", ["heun", "euler_ancestral"])
def test_robust_means_one_thing(members, solver):
    """In the objective, the errors, the baselines, `evaluate` and `compare`: the same question, so the same number."""
    data = Dataset(POOLED, members)
    found = diffopt.optimize(data, solver, 5)
    assert found.document["objective"]["value"] == found.errors["robust"]
    assert diffopt.evaluate(data, found).errors["robust"] == pytest.approx(found.errors["robust"], rel=1e-12)
    rows = diffopt.compare(data, solver, 5, only="karras").document["rows"]
    karras = next(r["robust"] for r in rows if r["schedule"] == "karras")
    assert karras == pytest.approx(diffopt.evaluate(data, schedule="karras", solver=solver, steps=5).errors["robust"], rel=1e-5)
    assert karras == pytest.approx(found.baselines["karras"]["robust"], rel=1e-5)
    optimum = next(r["robust"] for r in rows if r["kind"] == "optimized")
    assert optimum == pytest.approx(found.errors["robust"], rel=1e-3)
    assert found.errors["robust"] < karras


def test_robust_of_an_ensemble_is_the_mean_over_its_members():
    """sum_m p_m times the squared error of member m alone, each taken as an ensemble of one."""
    grid = [20.0, 4.0, 1.0, 0.2, 0.0]

    def robust(data):
        return diffopt.evaluate(data, sigmas=grid, solver="heun").errors["robust"]

    alone = [robust(Dataset(s, Ensemble.create([s]))) for s in MEMBERS.spectra]
    expected = np.sqrt(MEMBERS.probabilities @ np.square(alone))
    assert robust(Dataset(POOLED, MEMBERS)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "words",
    [
        ["optimize", "a.npy", "-s", "heun"], ["evaluate", "a.npy", "--schedule", "karras"],
        ["evaluate", "a.npy", "--schedule", "karras", "-s", "fitted_2"], ["error-budget", "a.npy", "--samples", "1e6"],
        ["compare-schedules", "a.npy", "-s", "euler,heun", "--only", "karras,fisher_rao"],
    ],
)  # fmt: skip
def test_a_command_reads_once_and_compresses_at_most_twice_for_an_accuracy(tmp_path, monkeypatch, words, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", photos().eig)
    widths: Counter[float] = Counter()
    spectra: Counter[tuple[str, float]] = Counter()
    reads: Counter[str] = Counter()
    compress, read = compression.compress, Path.read_bytes

    def counted(spectrum, width=0.25):
        widths[width] += 1
        spectra[spectrum.sha256, width] += 1
        return compress(spectrum, width)

    def opened(path):
        reads[path.name] += 1
        return read(path)

    monkeypatch.setattr(compression, "compress", counted)
    monkeypatch.setattr(Path, "read_bytes", opened)
    assert main([*words, "-n", "6", "-q"]) == 0
    assert set(widths) <= set(compression.WIDTHS.values())
    # The data and the ensemble that is made of them, each once; rows of a comparison are scored on spectra of their own.
    assert set(spectra.values()) == {1}
    assert max(widths.values()) <= 2 or words[0] == "compare-schedules", widths
    assert reads["a.npy"] <= 1


def test_an_error_is_one_line_of_the_table_and_visible_everywhere(tmp_path):
    """A metric that is twice the Frechet distance appears in documents, schemas, columns, baselines and comparisons."""
    script = """
import json, numpy as np
from dataclasses import replace
from diffopt.objectives import metrics
twice = replace(metrics.METRICS["frechet"], share=lambda e: 4 * metrics.METRICS["frechet"].share(e), title="twice frechet")
metrics.METRICS["twice"] = twice
metrics.COMPARED = (*metrics.COMPARED, "twice")
import diffopt
from diffopt.documents.schemas import DOCUMENTS
found = diffopt.optimize([4.0, 0.1], steps=4)
table = diffopt.compare([4.0, 0.1], steps=4, only="karras", sort="twice")
pairs = [(found.errors["twice"], found.errors["frechet"])]
pairs += [(b["twice"], b["frechet"]) for b in found.baselines.values()]
pairs += [(r["twice"], r["frechet"]) for r in table.rows()]
pairs += [(e["twice"], e["frechet"]) for e in [diffopt.evaluate([4.0, 0.1], schedule="karras", steps=3).errors]]
said = json.dumps(DOCUMENTS["diffopt.schedule/1"].model_json_schema())
print(json.dumps([pairs, "twice frechet" in said, "twice" in table.render("csv").splitlines()[0]]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    pairs, described, column = json.loads(done.stdout)
    assert described and column
    assert len(pairs) > 5
    for double, single in pairs:
        assert double == pytest.approx(2 * single, rel=1e-12)


def test_the_table_of_errors_is_what_documents_hold():
    found = diffopt.evaluate([4.0, 0.1], schedule="karras", steps=3)
    assert list(found.errors) == list(METRICS)
    missing = {name for name, value in found.errors.items() if value is None}
    assert missing <= set(found.reasons)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"spectrum": [5.0, 0.3]}, "spectrum"),
        ({"solver": "dpmpp_2m"}, "solver heun"),
        ({"process": "vp_cosine"}, "process ve"),
        ({"start": "sigma"}, "start exact"),
    ],
)
def test_a_grid_that_was_made_for_something_else_says_so(change, word):
    grid = diffopt.optimize([4.0, 0.1], "heun", 4, sigma_max=50.0)
    change = dict(change)
    data = change.pop("spectrum", [4.0, 0.1])
    said = [n for n in diffopt.evaluate(data, grid, **change).notes if "was made for" in n]
    assert any(word in n for n in said)
    assert not [n for n in diffopt.evaluate([4.0, 0.1], grid).notes if "was made for" in n]


def test_the_assumptions_of_the_start_are_said_with_their_numbers():
    """A single eigenvalue v: from N(0, smax^2) the output misses by what (smax / sqrt(v + smax^2)) makes of sqrt(v)."""
    wide = diffopt.evaluate([100.0**2], schedule="karras", steps=200, sigma_max=80.0, solver="heun")
    text = " ".join(wide.notes)
    assert "standard deviation 100 is above sigma_max 80" in text
    exact = 100 - 100 * 80 / np.hypot(100, 80)
    said = float(text.split("adds up to ")[1].split(" ")[0])
    assert said == pytest.approx(exact, rel=0.02)
    calm = " ".join(diffopt.evaluate([1.0], schedule="karras", steps=5).notes)
    assert "sigma_max" not in calm
    far = Spectrum.create([1.0, 0.5], mean=[30.0, 0.0])
    assert "mean has length 30" in " ".join(diffopt.evaluate(far, schedule="karras", steps=5).notes)


def test_a_row_of_another_range_is_marked_and_never_the_optimum():
    own = [14.6, 6, 2, 0.5, 0.1, 0]
    table = diffopt.compare("builtin:photos", steps=5, only="karras", add={"mine": own, "whole": [80, 20, 5, 1, 0.1, 0]})
    rows = {r["schedule"]: r for r in table.document["rows"]}
    assert "14.6" in rows["mine"]["other_range"]
    assert rows["mine"]["ratio"] is None and not rows["mine"]["best"] and "ratio" in rows["mine"]["reasons"]
    assert rows["whole"]["other_range"] is None and rows["whole"]["ratio"] >= 1
    assert rows["optimized"]["sigmas"][0] == 80
    assert rows["mine"]["robust"] < rows["optimized"]["robust"]
    # It starts lower with an exact start, so its error is the smallest, and still it is not advised.
    assert not any("mine" in line for line in table.answers())
    assert any("mine" in n for n in table.notes)


def test_studies_can_be_repeated_from_their_documents():
    eta = diffopt.best_eta([4.0, 0.1], "ddim", 5, design="constant", noise_objective="exact", process="vp_linear", beta_max=15.0,
                           sigma_max=40.0, start="unit").document  # fmt: skip
    process = {k: eta["process"][k] for k in ("sigma_max", "sigma_min", "beta_min", "beta_max")}
    again = diffopt.best_eta([4.0, 0.1], eta["solver"], eta["steps"], design="constant", noise_objective="exact",
                             process=eta["process"]["name"], start=eta["start"], end=eta["end"], **process).document  # fmt: skip
    assert again == eta
    asked = {"sigma_min": 0.05, "eta": 0.5, "clock": "logsnr", "schedule": "polyexponential:rho=2", "accuracy": 0.3}
    orders = diffopt.orders([4.0, 0.1], "euler_maruyama", [10, 20, 40], metric="frechet", process="vp_linear", beta_max=15.0,
                            **asked).document  # fmt: skip
    assert orders["spectrum"]["sha256"] == Spectrum.create([4.0, 0.1]).sha256
    row, process = orders["rows"][0], dict(orders["process"])
    schedule = f"{orders['schedule']}:" + ",".join(f"{k}={v}" for k, v in orders["schedule_options"].items())
    said = {k: row[k] for k in ("metric", "eta", "clock")} | {"accuracy": orders["accuracy"], "schedule": schedule}
    again = diffopt.orders([4.0, 0.1], row["solver"], row["steps"], **said, process=process.pop("name"), **process).document
    assert again == orders


def test_grids_of_one_question_have_one_optimum_beside_them(monkeypatch):
    """It is searched once for all of them, and anew for other data, ranges, solvers and etas."""
    found = []
    monkeypatch.setattr("diffopt.api.evaluate.REFERENCES", 100)
    monkeypatch.setattr("diffopt.api.optimum._FOUND", {})
    really = optimum.search
    monkeypatch.setattr("diffopt.api.optimum.search", lambda *args: found.append(args) or really(*args))

    def beside(eig, grid, **flags):
        return diffopt.evaluate(eig, sigmas=grid, **flags).document["baselines"]["optimized"]["robust"]

    grid = [20.0, 4.0, 1.0, 0.0]
    first = beside([4.0, 0.1], grid)
    assert beside([4.0, 0.1], [20.0, 5.0, 1.0, 0.0]) == first
    assert len(found) == 1
    assert first == pytest.approx(diffopt.optimize([4.0, 0.1], steps=3, sigma_max=20.0, sigma_min=1.0).errors["robust"], rel=1e-3)
    others = [
        ([4.0, 0.2], grid, {}), ([4.0, 0.1], [30.0, *grid[1:]], {}), ([4.0, 0.1], [20.0, 1.0, 0.0], {}),
        *(([4.0, 0.1], grid, flags) for flags in ({"solver": "heun"}, {"start": "sigma"}, {"solver": "ddim", "eta": 0.5})),
    ]  # fmt: skip
    assert len({first, *(beside(eig, grid, **flags) for eig, grid, flags in others)}) == len(found) == len(others) + 1
