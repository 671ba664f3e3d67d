"""What is written validates against the schema that is printed, and nothing is forgotten in either."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from diffopt.cli.main import main
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents.schemas import DOCUMENTS
from diffopt.documents.spectrum_formats import to_json as to_bytes
from diffopt.report.text import to_json

#: Commands that write each document, on a spectrum file `eig.npy`.
WRITERS = {
    "diffopt.schedule/1": [
        ["optimize", "eig.npy", "-n", "3"],
        ["optimize", "eig.npy", "-n", "3", "--process", "flow"],
        ["optimize", "eig.npy", "-n", "3", "--process", "vp_linear", "-s", "euler_maruyama", "--end", "sigma_min"],
        ["optimize", "eig.npy", "-n", "3", "-s", "edm_stochastic", "--free", "family"],
        ["optimize", "eig.npy", "-n", "3", "-s", "ddim", "--free", "grid,eta"],
        ["optimize", "eig.npy", "-n", "3", "--process", "table", "--betas", "scaled_linear:0.00085,0.012,1000"],
    ],
    "diffopt.evaluation/1": [
        ["evaluate", "eig.npy", "--schedule", "karras", "-n", "3"],
        ["evaluate", "eig.npy", "--sigmas", "9,1,0.1"],
        ["evaluate", "zero.npy", "--sigmas", "9,1,0.1"],
        ["evaluate", "eig.npy", "--sigmas", "inf,1,0", "--process", "flow"],
    ],
    "diffopt.convergence/1": [
        ["convergence", "eig.npy", "-s", "euler,ddpm", "--sigma-max", "6", "--sigma-min", "0.2",
         "--steps", "8,16,32", "--paths", "40"],
    ],
    "diffopt.eta/1": [["eta", "eig.npy", "-n", "2", "--sigma-max", "6", "--sigma-min", "0.2", "--clock", "sigma"]],
    "diffopt.shift/1": [["shift", "eig.npy", "-n", "4", "--tokens", "256"]],
    "diffopt.recommendation/1": [["recommend", "eig.npy", "--calls", "4"]],
}
#: Documents whose writers have tests of their own.
ELSEWHERE = {
    "diffopt.check/1", "diffopt.comparison/1", "diffopt.convergence/1", "diffopt.eta/1", "diffopt.spectrum/1", "diffopt.budget/1",
    "diffopt.ensemble/1", "diffopt.siem/1", "diffopt.simulation/1", "diffopt.summary/1",
}  # fmt: skip


def printed(capsys, argv):
    assert main(argv) == 0
    return json.loads(capsys.readouterr().out)


def test_every_document_is_written_by_some_test():
    assert set(DOCUMENTS) <= set(WRITERS) | ELSEWHERE


@pytest.mark.parametrize(("name", "argv"), [(n, a) for n, all_ in WRITERS.items() for a in all_], ids=lambda v: " ".join(v[-4:]))
def test_output_validates_against_the_printed_schema(capsys, tmp_path, monkeypatch, name, argv):
    monkeypatch.chdir(tmp_path)
    np.save("eig.npy", [4.0, 1.0, 0.2])
    np.save("zero.npy", [1.0, 0.0])
    schema = printed(capsys, ["schema", name])
    Draft202012Validator.check_schema(schema)
    data = printed(capsys, [*argv, "-q"])
    assert data["schema"] == name
    Draft202012Validator(schema).validate(data)
    # A schema that accepts anything would prove nothing.
    version = "diffopt_version"
    for broken in ({**data, "surprise": 1}, {k: v for k, v in data.items() if k != version}, {**data, version: 3}):
        assert not Draft202012Validator(schema).is_valid(broken)


@pytest.mark.parametrize("name", ["diffopt.spectrum/1", "diffopt.ensemble/1"])
def test_spectra_validate_against_the_printed_schema(capsys, tmp_path, name):
    whole = Spectrum.create([3.0, 1.0, 0.0], mean=[1.0, 0.0, 0.5])
    members = Ensemble.create([whole, Spectrum.create([2.0])]) if name == "diffopt.ensemble/1" else None
    (tmp_path / "s.json").write_bytes(to_bytes(whole, {"method": "pca"}, members))
    schema = printed(capsys, ["schema", name])
    Draft202012Validator.check_schema(schema)
    data = printed(capsys, ["spectrum", "convert", str(tmp_path / "s.json")])
    assert data["schema"] == name
    Draft202012Validator(schema).validate(data)
    for key in ("eigenvalues", "sha256", *(["members"] if members else [])):
        assert not Draft202012Validator(schema).is_valid({k: v for k, v in data.items() if k != key})


@pytest.mark.parametrize("members", [0, 2])
def test_a_summary_is_no_spectrum_and_has_a_schema_of_its_own(capsys, tmp_path, members):
    """Without the eigenvalues `spectrum show` prints another document, and nothing reads it as a spectrum."""
    whole = Spectrum.create([3.0, 1.0, 0.0])
    parts = Ensemble.create([whole, Spectrum.create([2.0])]) if members else None
    (tmp_path / "s.json").write_bytes(to_bytes(whole, {"method": "pca"}, parts))
    data = printed(capsys, ["spectrum", "show", str(tmp_path / "s.json"), "--format", "json"])
    schemas = {name: printed(capsys, ["schema", name]) for name in ("diffopt.summary/1", "diffopt.spectrum/1")}
    assert data["schema"] == "diffopt.summary/1" and len(data["members"]) == members
    Draft202012Validator(schemas["diffopt.summary/1"]).validate(data)
    assert not Draft202012Validator(schemas["diffopt.spectrum/1"]).is_valid(data)
    assert not Draft202012Validator(schemas["diffopt.summary/1"]).is_valid({**data, "dim": None})
    (tmp_path / "again.json").write_text(json.dumps(data))
    assert main(["optimize", str(tmp_path / "again.json")]) == 2
    assert "is no spectrum" in capsys.readouterr().err


def test_schema_without_a_name_says_what_there_is(capsys, monkeypatch):
    """All of them as JSON in a pipe and with --all, a line each on a terminal."""
    assert set(printed(capsys, ["schema"])) == set(printed(capsys, ["schema", "--all"])) == set(DOCUMENTS)
    assert main(["schema", "--format", "table"]) == 0
    table = capsys.readouterr().out
    assert all(name in table for name in DOCUMENTS)
    assert "schema --all" in table
    assert len(table.splitlines()) < 3 * len(DOCUMENTS)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["schema"]) == 0
    assert "schema --all" in capsys.readouterr().out
    assert set(printed(capsys, ["schema", "--all"])) == set(DOCUMENTS)
    for words in (["schema", "diffopt.schedule/1", "--all"], ["schema", "--all", "--format", "table"]):
        assert main(words) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_json_text_is_exact_and_strict():
    """Shortest round-trip numbers; NaN and infinity never reach a file."""
    data = {"a": [0.1, 1e-300, 3], "b": {"c": None, "d": []}, "e": [{"f": 1}], "g": {}, "h": "ü"}
    assert json.loads(to_json(data)) == data
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            to_json({"a": [bad]})
