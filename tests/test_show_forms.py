"""A spectrum in a few lines in every form: csv has bare numbers with all their digits, markdown what the table has."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main

EIG, WEIGHT, MEAN = [9.0, 1.0, 0.25], [2.0, 3.0, 4.0], [1.0, 0.0, 2.0]


@pytest.fixture
def path(tmp_path, monkeypatch):
    # A name alone: a table cuts long ones.
    monkeypatch.chdir(tmp_path)
    Path("s.json").write_text(json.dumps({"eigenvalues": EIG, "weights": WEIGHT, "mean": MEAN}))
    return "s.json"


def shown(capsys, *words: str) -> str:
    assert main(["spectrum", "show", *words]) == 0
    return capsys.readouterr().out


def test_csv_is_numbers(path, capsys) -> None:
    found = {row["name"]: row["value"] for row in csv.DictReader(io.StringIO(shown(capsys, path, "--format", "csv")))}
    eig, weight = np.repeat(EIG, 2 + np.arange(3)), np.repeat(np.array(MEAN) ** 2, 2 + np.arange(3))
    numbers = {"dim": 9, "entries": 3, "rank": 9, "trace": eig.sum(), "std": np.sqrt(eig.mean()), "max": 9, "min_positive": 0.25,
               "condition": 36, "mean_squared": weight.sum()}  # fmt: skip
    for name, value in numbers.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-15), name
    assert json.loads(shown(capsys, path, "--format", "json"))["sha256"] == found["sha256"]


def test_markdown_has_the_lines_of_the_table(path, capsys) -> None:
    lines = shown(capsys, path, "--format", "markdown").splitlines()
    assert lines[:2] == ["| name | value |", "|---|---|"]
    table = shown(capsys, path, "--format", "table")
    for line in lines[2:]:
        name, value = (part.strip() for part in line.strip("|").split(" | "))
        assert name in table and value.replace("\\", "") in table


def test_facts_of_an_estimate_and_members_are_rows(tmp_path, capsys) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 4))
    diffopt.estimate(rows, standardize=0.5, labels=np.arange(60) % 2).save(tmp_path / "e.json")
    text = shown(capsys, str(tmp_path / "e.json"), "--format", "csv")
    found = {row["name"]: row["value"] for row in csv.DictReader(io.StringIO(text))}
    assert found["samples"] == "60" and float(found["pooled_std"]) == pytest.approx(0.5) and "scale_scale" in found
    assert float(found["member 0: p"]) == 0.5 and found["member 1: dim"] == "4"
