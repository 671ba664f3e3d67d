"""The types of the verbs, as a caller's mypy sees them (tests/typed_caller.py, which mypy reads with the package)."""

import tomllib
from dataclasses import fields
from pathlib import Path

import numpy as np
from typed_caller import grids, refused, studies

from diffopt.api.estimate_flags import EstimateFlags
from diffopt.api.estimate_request import Request

ROOT = Path(__file__).parents[1]


def test_mypy_reads_the_caller_with_the_package():
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert mypy["strict"] and mypy["modules"] == ["tests.typed_caller"]


def test_what_the_caller_writes_runs(tmp_path):
    np.save(tmp_path / "x.npy", np.array([4.0, 1.0, 0.1]))
    assert grids(tmp_path / "x.npy").shape == (11,)
    assert "," in studies(np.random.default_rng(0).normal(size=(50, 3)))[0]


def test_what_mypy_refuses_is_refused_when_it_is_run():
    assert len(refused()) == 5


def test_keywords_of_an_estimate_are_those_of_its_request():
    assert set(EstimateFlags.__annotations__) == {f.name for f in fields(Request)} - {"samples", "method"}
