"""The evidence: every part of `benchmarks/evidence/all.py` in a rehearsal, and the page against the results files."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks" / "evidence"))

for package in ("sklearn", "matplotlib"):
    pytest.importorskip(package)

import tables  # noqa: E402

PAGE = "\n".join((ROOT / "docs" / page).read_text() for page in tables.PAGES)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFOPT_EVIDENCE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_the_rehearsal_runs_every_part(workplace, capsys):
    pytest.importorskip("torch")
    import all as everything

    everything.main(["--quick", "--out", str(workplace)])
    captured = capsys.readouterr()
    assert "published FIDs are left out" in captured.err
    rows = tables.read(workplace / "results")
    assert {row["case"] for row in rows} == {"heavy", "own_digits"}
    assert {(row["solver"], row["calls"]) for row in rows} == {("dpmpp_2m", 5)}
    for row in rows:
        assert {"karras", "exponential", "vp", "diffopt"} <= set(row["errors"])
        assert all(np.isfinite(v) for v in row["errors"]["diffopt"].values())
    text = (workplace / "results" / "tables.md").read_text()
    assert "| **Own networks, 5 to 12 calls** |" in text
    for name in ("evidence.png", "evidence_samples.png"):
        assert (workplace / name).read_bytes()[:4] == b"\x89PNG"


def test_published_fids_are_called_where_they_are_given(workplace):
    import all as everything

    cells = (("euler", 4, 90), ("euler", 8, 20), ("ipndm_2", 4, 40), ("ipndm_2", 8, 6))
    lines = ["solver,grid,denoiser_calls,fid", *(f"{s},karras,{n},{fid}" for s, n, fid in cells)]
    (workplace / "fids.csv").write_text("\n".join(lines) + "\n")
    np.save(workplace / "eig.npy", 50 * np.arange(1, 65.0) ** -1.5)
    lines = everything.published(workplace / "fids.csv", workplace / "eig.npy").splitlines()
    assert lines[0].startswith("4 cells")
    assert any(line.startswith("robust ") for line in lines)


def test_the_pages_hold_what_the_results_say():
    parts = tables.sections(tables.RESULTS)
    assert set(re.findall(r"<!-- (\w+) -->", PAGE)) == set(parts)
    for mark, part in parts.items():
        assert PAGE.count(f"<!-- {mark} -->") == 1, mark
        said = PAGE.partition(f"<!-- {mark} -->\n")[2].partition(f"<!-- /{mark} -->")[0]
        assert said.strip() == part.strip(), mark


def test_ratios_are_of_the_best_rule_picked_afterwards():
    errors = {"karras": {"rmse": 3.0}, "vp": {"rmse": 2.0}, "diffopt": {"rmse": 4.0}, "edm": {"rmse": 0.1}}
    assert tables.ratio({"errors": errors}, "rmse") == 0.5
    assert tables.ratio({"errors": errors}, "rmse", ("karras",)) == 0.75


def test_rules_are_ranked_by_their_mean_over_the_cells_that_all_have():
    """Two cells by hand: theirs over ours 2 and 1/8 (mean 1/2, ahead once), 3 and 3, a failure; `few` is not in both."""
    import rules

    def cell(**errors):
        return {"errors": {name: {"rmse": value, "frechet": 1.0} for name, value in errors.items()}}

    rows = [cell(diffopt=1.0, shared=0.1, vp=2.0, edm=3.0, bad=np.inf, few=0.1), cell(diffopt=2.0, vp=0.25, edm=6.0, bad=1.0)]
    assert rules.rivals(rows) == ["bad", "edm", "vp"]
    lines = [line.split(" | ") for line in rules.nearest(rows).splitlines()[2:]]
    assert [(line[0], *line[1:4]) for line in lines] == [
        ("| vp", "0.50", "1 of 2", "0.12, 2"), ("| edm", "3.00", "0 of 2", "3.00, 3"), ("| bad", "inf", "1 of 2", "0.50, inf"),
    ]  # fmt: skip
    assert rules.place(rows[0], "rmse") == (2, [(0.1, "few")], 4)
    assert "| all | 2 | vp 0.50, edm 3.00 | bad 1.00, edm 1.00 | 2 to 3, median 2 |" in rules.by_solver({"all": rows})


def test_a_choice_is_never_made_on_the_kind_it_is_quoted_on():
    """A candidate that wins by a factor of ten on one kind alone is not what the others choose for it."""
    import objectives

    def row(kind, candidate):
        return {"kind": kind, "steps": 5, "errors": {
            "karras": dict.fromkeys(objectives.METRICS, 1.0), "robust": dict.fromkeys(objectives.METRICS, 0.5),
            "other": dict.fromkeys(objectives.METRICS, candidate),
        }}  # fmt: skip

    lines = objectives.left_out([row("a", 0.05), row("b", 0.6), row("c", 0.6)], ["robust", "other"])
    chosen = {line.split(" | ")[0].strip("| "): line.split(" | ")[1] for line in lines[2:-1]}
    assert chosen == {"a": "robust", "b": "other", "c": "other"}


@pytest.mark.parametrize("dim", [2, 64])
def test_networks_are_preconditioned_as_in_edm(dim):
    """An untrained network, F = 0, is c_skip x: the best linear denoiser of data of one deviation."""
    torch = pytest.importorskip("torch")
    import own

    torch.manual_seed(0)
    model = own.Denoiser(own.network(dim), 0.3, 0.5)
    x = np.random.default_rng(0).standard_normal((4, dim))
    for sigma in (0.01, 1.0, 80.0):
        np.testing.assert_allclose(model(x, sigma), 0.3 + 0.25 / (0.25 + sigma**2) * (x - 0.3), rtol=1e-5, atol=1e-6)


def test_unseen_digits_are_unseen():
    import own

    learnt, other = own.digits_split()
    assert len(learnt) + len(other) == 1797
    assert len({row.tobytes() for row in np.concatenate([learnt, other])}) == 1797


def test_a_little_training_lowers_the_loss():
    """150 steps on two points: the denoiser is nearer to tanh, the exact one, than the untrained one at every level."""
    torch = pytest.importorskip("torch")
    import own

    del torch
    data = np.array([[-1.0, -1.0], [1.0, 1.0]])
    rng = np.random.default_rng(1)
    x = data[rng.integers(2, size=200)] + 0.7 * rng.standard_normal((200, 2))
    exact = np.tanh(x.sum(axis=1) / 0.7**2)[:, None] * np.ones(2)
    before, after = (own.train(data, steps, batch=64)(x, 0.7) for steps in (4, 150))
    assert np.mean((after - exact) ** 2) < 0.7 * np.mean((before - exact) ** 2)


def test_results_have_no_gaps():
    """No cell is dropped: every case of a kind has the same cells for the solvers that have a path."""
    for kind, members in tables.grouped(tables.read(tables.RESULTS), lambda row: row["kind"]).items():
        cells = {}
        for row in members:
            if row["solver"] in ("euler", "heun", "dpmpp_2m"):
                cells.setdefault(row["case"], set()).add((row["solver"], row["calls"]))
        full = max(cells.values(), key=len)
        assert all(found == full for found in cells.values()), kind


def test_results_are_numbers():
    for path in tables.RESULTS.glob("*.json"):
        for row in json.loads(path.read_text()):
            for name, errors in row["errors"].items():
                assert all(value >= 0 for value in errors.values()), (path.stem, name)
