"""Malformed and hostile inputs: one clear line, exit code 2, no traceback, no output, no file left behind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hostile_inputs import CASES

from diffopt.cli.main import main


def listing(folder: Path) -> dict[str, int]:
    """Every file below a folder and its size."""
    found = {}
    for place, below, files in os.walk(folder):
        for name in [*below, *files]:
            found[os.path.join(place, name)] = os.lstat(os.path.join(place, name)).st_mtime_ns
    return found


def test_there_are_enough():
    assert len(CASES) >= 200


@pytest.mark.parametrize("name", CASES)
def test_one_line_and_exit_code_two(name, tmp_path, monkeypatch, capsys):
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    arguments = CASES[name](data)
    capsys.readouterr()
    before = listing(tmp_path)
    code = main(arguments)
    out, err = capsys.readouterr()
    assert (code, out) == (2, ""), err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert len(err) < 500
    assert "Traceback" not in err
    assert listing(tmp_path) == before


@pytest.mark.parametrize("rule", ["none", "ledoit_wolf", "oas", "analytical", "population"])
def test_numbers_whose_fourth_powers_overflow_are_refused_by_every_rule(rule, tmp_path, capsys):
    np.savetxt(tmp_path / "x.csv", 1e119 * np.random.default_rng(0).standard_normal((20, 2)), delimiter=",")
    assert main(["spectrum", "estimate", str(tmp_path / "x.csv"), "--shrinkage", rule]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "rescale the data" in err and err.count("\n") == 1
