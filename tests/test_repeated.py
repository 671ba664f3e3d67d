"""Documents of studies say everything that they depend on: what is computed again from a document alone is the document."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diffopt.cli.main import main
from diffopt.processes import PROCESSES


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("e.npy", [4.0, 1.0, 0.1])
    np.save("alphas.npy", np.cumprod(1 - np.linspace(0.03, 0.11, 300) ** 2))

    def go(words):
        assert main([*words, "-q"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return go


PROCESS = {
    "ve": "--sigma-max 30 --sigma-min 0.05",
    "vp_linear": "--process vp_linear --beta-max 15 --sigma-min 0.05",
    "vp_cosine": "--process vp_cosine --sigma-max 50 --sigma-min 0.05",
    "flow": "--process flow --sigma-max 60 --sigma-min 0.05",
    "table": "--process table --alphas-cumprod alphas.npy",
}


def again(found):
    """Flags of the process, range, spectrum and schedule of a document."""
    process, schedule = found["process"], found["schedule"]
    options = "".join(f",{k}={v}" for k, v in found["schedule_options"].items())
    words = [found["spectrum"]["source"], "--schedule", f"{schedule}:{options[1:]}" if options else schedule]
    words += ["--sigma-max", repr(process["sigma_max"]), "--sigma-min", repr(process["sigma_min"])]
    for name, value in process.items():
        if name in ("alphas_cumprod", "betas"):  # of a trained model's levels, whose number stands there too
            words += ["--" + name.replace("_", "-"), value]
        elif name not in ("name", "sigma_max", "sigma_min", "levels"):
            words += ["--option", f"{name}={value!r}"]
    return [*words, "--process", process["name"]]


def solver_of(row):
    options = ",".join(f"{k}={v}" for k, v in row["solver_options"].items() if v is not None)
    return f"{row['solver']}:{options}" if options else row["solver"]


def test_processes_are_all_tried():
    assert set(PROCESS) == set(PROCESSES)


@pytest.mark.parametrize("process", PROCESS)
def test_eta_from_its_document(process, run):
    first = run(["eta", "e.npy", "-s", "ddim", "-n", "3", "--design", "none,constant", "--schedule", "karras:rho=5",
                 "--start", "sigma", "--score-error", "data:0.02", *PROCESS[process].split()])  # fmt: skip
    rows = first["rows"]
    designs, objectives = (",".join(dict.fromkeys(r[k] for r in rows)) for k in ("design", "objective"))
    words = ["eta", *again(first), "-s", solver_of(first), "-n", str(first["steps"]), "--design", designs]
    words += ["--start", first["start"], "--end", first["end"], "--noise-objective", objectives]
    words += ["--score-error", first["score_error"]]
    assert run(words) == first


@pytest.mark.parametrize("process", PROCESS)
def test_convergence_from_its_document(process, run):
    first = run(["convergence", "e.npy", "-s", "heun", "-n", "4,8", "--metric", "frechet,weak", "--accuracy", "0.1", "--schedule",
                 "karras:rho=5", *PROCESS[process].split()])  # fmt: skip
    row = first["rows"][0]
    words = ["convergence", *again(first), "-s", solver_of(row), "-n", ",".join(map(str, row["steps"])), "--accuracy",
             repr(first["accuracy"]), "--metric", ",".join(r["metric"] for r in first["rows"])]  # fmt: skip
    words += ["--clock", row["clock"]] if row["clock"] else []
    assert run(words) == first


def test_options_and_paths_are_in_a_convergence(run):
    base = ["convergence", "e.npy", "-n", "4,8", "--sigma-min", "0.1"]
    found = run([*base, "-s", "edm_stochastic", "--s-churn", "3", "--metric", "weak"])
    assert found["rows"][0]["solver_options"]["s_churn"] == 3
    assert found["paths"] is None
    strong = [*base, "-s", "heun_sde", "--metric", "strong", "--paths", "40", "--seed", "5"]
    found = run(strong)
    assert (found["paths"], found["seed"]) == (40, 5)
    assert run(strong) == found
