"""Which eta is advised: the rule from laws and local errors, and that text, table and picture say one thing."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.law.law import Law
from diffopt.law.local_errors import LocalDefects
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.report import noise_answers
from diffopt.report.gain import number
from diffopt.report.studies import eta_table
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.score_error import parse_score_error

EIG = np.array([2.0, 0.8, 0.2])
RANGE = {"sigma_max": 15.0, "sigma_min": 0.02, "end": "sigma_min", "schedule": "karras"}
#: Solver, score error and present eta: kept, a constant and no noise are advised, and rows that gain on Gaussian data alone.
CASES = [
    ("ddim", None, 0.0), ("ddim", "noise:-0.05", None), ("euler_maruyama", None, None), ("euler_maruyama", None, 0.3),
    ("euler_ancestral", None, None), ("dpmpp_2m_sde", "data:-0.05", None), ("euler_maruyama", "-0.07", 0.5), ("sra1", None, None),
]  # fmt: skip


@cache
def found(solver: str, rule: str | None, now: float | None) -> Any:
    return diffopt.best_eta(EIG, solver, 4, eta=now, score_error=rule, **RANGE)


@pytest.mark.parametrize(("solver", "rule", "now"), CASES)
def test_what_is_said_over_the_present_setting_is_the_rule(solver: str, rule: str | None, now: float | None) -> None:
    """Eq. (423) with the present setting as rival, none cancelling no worse, nor with eta 0 or 1, by scale of the eigenvalues."""
    document = found(solver, rule, now).document
    grid = Grid.create(PROCESSES["ve"](), document["sigmas"])
    wrong = None if rule is None else parse_score_error(rule)

    def errors(etas: list[float] | float, clock: str | None) -> np.ndarray:
        table, rows = run_table(SOLVERS[solver](clock=clock, error=wrong), grid, np.asarray(etas)), []
        for c in (1, 1 / 2, 1 / 4, 1 / 8, 1 / 16):
            spectrum = Spectrum.create(c * EIG)
            exact = np.linalg.norm(np.sqrt(Law(table, spectrum, "exact").variance) - np.sqrt(c * EIG + 0.02**2))
            absolute = LocalDefects(table, spectrum).frechet(absolute=True)
            rows.append((exact, np.sqrt((exact**2 + absolute**2) / 2), absolute))
        return np.array(rows)

    present = errors(document["present"]["eta"], document["present"]["clock"])
    ends = {}
    for row in document["rows"]:
        clock = row["clock"]
        if clock not in ends:
            ends[clock] = np.minimum(errors(0.0, clock), errors(1.0, clock))[:, :2]
        own, top = errors(row["eta"], clock), max(row["eta"])
        gains = own[:, :2] < 0.95 * present[:, :2]
        firm = np.all(own[:, 2] <= present[:, 2]) and (top == 0 or np.all(own[:, :2] <= ends[clock]))
        wider = np.all(gains) and firm and top <= max(1.0, *document["present"]["eta"])
        assert row["beats_present"] == ("no" if not gains[0, 0] else "wider" if wider else "gaussian")
    believed = [row for row in document["rows"] if row["beats_present"] == "wider"]
    assert (document["advised"] is None) == (not believed)
    if believed:
        mixed = [errors(row["eta"], row["clock"])[0, 1] for row in believed]
        near = [row["design"] for row, value in zip(believed, mixed, strict=True) if value <= 1.05 * min(mixed)]
        order = ("none", "constant", "window", "per_step")
        assert document["rows"][document["advised"]]["design"] == min(near, key=order.index)


@pytest.mark.parametrize(("solver", "rule", "now"), CASES)
def test_text_table_and_picture_say_one_thing(solver: str, rule: str | None, now: float | None) -> None:
    """One row is marked, the first sentence says it, factors are of the present setting, and nothing is advised and doubted."""
    result = found(solver, rule, now)
    document, first = result.document, result.answers()[0]
    table, present = eta_table(document), document["present"]["exact"]
    assert len(table) <= 8 and table[0]["setting"].startswith("present")
    assert [line["of present"] for line in table] == pytest.approx([line["exact"] / present for line in table])
    marked = [line for line in table if line["setting"].startswith("set: ")]
    word, said = ("default", " (default)") if now is None else ("present", "")
    kept = first.startswith(f"Keep the {word} eta")
    assert f"the {word} eta {number(document['present']['eta'][0])}" in first
    assert len(marked) == (not kept) and kept == (document["advised"] is None) == (table[0]["setting"] == f"present: keep{said}")
    assert "do not count on it" not in first
    assert all(line["gains on"] == "any data" for line in marked)
    if not kept:
        told = float(re.search(r"exact error ([\d.e+-]+\d)", first)[1])
        assert told == pytest.approx(marked[0]["exact"], rel=5e-3)
        assert "on Gaussian data, " in first and "It gains also where data with this spectrum are not Gaussian" in first
    below = result.figure().axes[-1]
    # What to use stands on top, also below an error that is smaller and not advised.
    names = [label.get_text() for label in below.get_yticklabels()]
    assert names[0].startswith(("set: ", "present: keep")) or len(table) == 1
    # One setting alone has no panel of errors: its mark stands on the curve.
    assert ("factors: of the present setting" in below.get_xlabel()) == (len(table) > 1)
    factors = [float(mark[1]) for text in below.texts if (mark := re.search(r", ([\d.]+) x", text.get_text()))]
    expected = sorted(line["of present"] for line in table if line["exact"] != present and line["of present"] > 1e-3)
    assert sorted(f for f in factors if f > 1e-3) == pytest.approx(expected, rel=0.01)


def test_cases_show_all_that_can_be_said() -> None:
    designs = set()
    for case in CASES:
        document = found(*case).document
        designs.add(None if document["advised"] is None else document["rows"][document["advised"]]["design"])
    assert designs >= {None, "none", "constant"}


def test_documents_without_claims_are_not_read_as_advice() -> None:
    document = found("ddim", None, 0.0).document
    old = {**document, "rows": [{k: v for k, v in row.items() if k != "beats_present"} for row in document["rows"]]}
    (line,) = noise_answers.noise(old)
    assert "run diffopt eta again" in line


@pytest.mark.parametrize(("objective", "said"), [("frechet", True), ("robust", False)])
def test_a_search_that_may_use_cancellation_says_what_is_left_without(objective: str, said: bool) -> None:
    """As `eta` does: the Frechet distance of a free eta per step is far below what stands where errors do not cancel."""
    result = diffopt.optimize(50.0 / np.arange(1, 40.0) ** 2, "euler_maruyama", 6, free="eta_per_step", objective=objective,
                              schedule="karras", end="sigma_min")  # fmt: skip
    lines = [line for line in result.answers() if "may cancel" in line]
    assert len(lines) == said
    if said:
        robust = result.baselines["karras"]["robust"] / result.errors["robust"]
        assert f"{robust:.3g} times below karras" in lines[0] and "do not count on more" in lines[0]


@pytest.mark.parametrize("host", ["comfyui", "k-diffusion"])
def test_the_eta_of_a_program_is_one_number_and_its_grid_is_exported(host: str, tmp_path: Any, monkeypatch: Any) -> None:
    """Its scheme, start and end; the command that is told writes a file whose export has the eta that is advised."""
    np.save(tmp_path / "eig.npy", EIG)
    monkeypatch.chdir(tmp_path)
    ask = {"process": "table", "betas": "sd", "host": host}
    result = diffopt.best_eta("eig.npy", "euler_ancestral", 6, score_error="noise:-0.1", **ask)
    document = result.document
    assert {row["design"] for row in document["rows"]} == {"none", "constant"} and document["start"] != "exact"
    made = document["command"].split()
    assert main([*made[1:], "-q"]) == 0
    written = diffopt.load("grid.json")
    place = document["advised"]
    row = document["present"] if place is None else document["rows"][place]
    assert written.eta == pytest.approx(row["eta"], rel=1e-3, abs=1e-6) and written.errors["frechet"] is not None
    assert str(diffopt.export(written, host))
    with pytest.raises(InputError, match="takes one eta for all steps"):
        diffopt.best_eta(EIG, "euler_ancestral", 6, design="per_step", **ask)
    with pytest.raises(InputError, match="has its own"):
        diffopt.best_eta(EIG, "euler_ancestral", 6, clock="sigma", **ask)


def test_a_program_that_fixes_eta_has_none_to_look_for() -> None:
    with pytest.raises(InputError, match="has no eta to set"):
        diffopt.best_eta(EIG, "dpmpp_2m_sde", 6, host="diffusers", process="table", betas="sd")


def test_what_is_small_by_cancellation_alone_is_not_advised_in_the_same_breath() -> None:
    """A setting that is no better where no error of a step cancels is named as not advised, in one sentence."""
    found = diffopt.best_eta("builtin:photos", "dpmpp_2m_sde", 8, design="none,constant,window")
    (line,) = [line for line in found.answers() if "cancel" in line]
    least = min(found.document["rows"], key=lambda row: row["exact"])
    assert least["absolute"] > 0.95 * found.document["present"]["absolute"]
    assert line.startswith("Not advised: eta in a window") and "do not count" not in line
