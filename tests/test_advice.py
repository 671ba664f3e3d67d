"""Which row `recommend` advises: equal ones, leads by noise that are not believed, what a narrow terminal keeps."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.law.law import Law
from diffopt.law.local_errors import LocalDefects
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.report.advised import DOUBTS
from diffopt.schedules import SCHEDULES
from diffopt.search.variables import ETA_MAX
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.score_error import parse_score_error
from diffopt.studies.advice import advice, doubt
from diffopt.studies.recommend import CANDIDATES, Offer

pytestmark = pytest.mark.usefixtures("no_optimum")

EIG = np.array([2.0, 0.8, 0.2])
#: Wider than the noise of the model: a start that misses them, where noise has a lead in `robust`.
WIDE = 700 * np.arange(1, 13) ** -2.0
TABLE = {"process": "table", "betas": "scaled_linear:0.00085,0.012,1000"}


def offer(solver: str, eta: float = 0.0, robust: float = 1.0, rule: str = "noise:-0.05", searched: bool = True) -> Offer:
    scheme = SOLVERS[solver](error=parse_score_error(rule))
    asked = Problem.create(Spectrum.create(EIG), PROCESSES["ve"](), scheme, 20, 15.0, 0.02, "sigma_min")
    return Offer(asked, SCHEDULES["karras"]().grid(asked.span), "optimized", 20, eta, robust, 1.0, searched, solver)


def errors(run: Offer, eta: float) -> np.ndarray:
    """Exact and mixed errors by scale, from the output's law and the local errors."""
    table, rows = run_table(run.solver, run.grid, eta), []
    for c in (1, 1 / 2, 1 / 4, 1 / 8, 1 / 16):
        exact = np.linalg.norm(np.sqrt(Law(table, Spectrum.create(c * EIG), "exact").variance) - np.sqrt(c * EIG + 0.02**2))
        absolute = LocalDefects(table, Spectrum.create(c * EIG)).frechet(absolute=True)
        rows.append((exact, np.sqrt((exact**2 + absolute**2) / 2)))
    return np.array(rows)


@pytest.mark.parametrize(("solver", "rival", "rule"), [("ddim", "euler", "noise:-0.05"), ("ddim", "heun", "-0.07"),
                                                      ("euler_maruyama", "euler", "random:0.1")])  # fmt: skip
def test_a_lead_by_noise_is_the_rule(solver: str, rival: str, rule: str) -> None:
    """Eq. (423), with (342) where eta was searched for."""
    still, seen = offer(rival, rule=rule), set()
    others = errors(still, 0.0)
    for eta in (0.3, 0.5, 0.7, 1.0, 1.3):
        for searched in (True, False):
            run = offer(solver, eta, rule=rule, searched=searched)
            own, ends = errors(run, eta), np.minimum(errors(run, 0.0), errors(run, 1.0))
            beside, over = own / others < 0.95, own / ends < 0.95
            expected = "rival" if not beside[0, 0] else "ends" if searched and not over[0, 0] else None
            if expected is None and not (eta <= 1 and beside.all() and (over.all() or not searched)):
                expected = "gaussian"
            assert doubt(run, still) == expected
            seen.add(expected)
    assert len(seen) > 1 and seen - {None} <= set(DOUBTS)


def test_noise_is_taken_where_its_lead_holds_and_only_there() -> None:
    sure, doubted, still = offer("euler_ancestral", 0.5, 0.5), offer("euler_ancestral", 1.0, 0.4), offer("heun", robust=1.0)
    found = advice([doubted, sure, still])
    assert found.taken is sure and found.doubts == {doubted: "ends"} and found.rival is still
    assert advice([doubted, still]).taken is still
    assert advice([doubted]).taken is doubted, "there is no other"


def test_among_equals_the_plain_and_the_usual_is_taken() -> None:
    rows = [offer("unipc", robust=1.0), offer("dpmpp_2m", robust=1.049), offer("euler", robust=1.03), offer("lms", robust=1.051)]
    found = advice(rows)
    assert found.taken is rows[1] and found.equal == [rows[0], rows[2], rows[1]] and found.rival is rows[3]
    assert [found.verdict(row) for row in rows] == ["equal", "take", "equal", "more"]
    assert advice([rows[0], rows[2]]).taken is rows[2], "the simpler where the usual one is not among them"
    noisy = offer("euler_ancestral", 0.5, 0.98)
    assert advice([noisy, offer("heun", robust=1.0)]).taken.asked == "heun"


@cache
def wide(host: str) -> Any:
    with np.errstate(all="ignore"):
        return diffopt.recommend(WIDE, calls=6, host=host, **TABLE)


def test_a_lead_at_the_bound_of_eta_is_said_to_be_one_and_not_taken() -> None:
    found = wide("comfyui")
    row = next(row for row in found.document["rows"] if row["solver"] == "dpmpp_2m_sde")
    assert row["eta"] == ETA_MAX and row["eta_found"] == "bound" and row["to_best"] < 1 and row["verdict"] == "doubted"
    assert found.best["eta"] == 0 and f"--solver {found.best['solver']} " in found.command
    line = next(line for line in found.answers() if line.startswith("Not dpmpp_2m_sde"))
    assert "eta 4, the most that is tried" in line and DOUBTS[row["doubt"]] in line
    assert "eta 4, the most that is tried" in row["sentence"] and "not sure" in row["sentence"]


def test_an_eta_of_the_program_is_said_to_be_its_own() -> None:
    found = wide("diffusers")
    for row in found.document["rows"]:
        assert (row["eta_found"] == "fixed") == (row["eta"] == 1) == ("fixed by diffusers" in row["sentence"])


@pytest.mark.parametrize("host", ["comfyui", "diffusers"])
def test_the_sentence_agrees_with_the_rows(host: str) -> None:
    """Rows that are equal are counted and named, and no margin is claimed over them."""
    found = wide(host)
    rows = [row for row in found.document["rows"] if row["verdict"] in ("take", "equal") and not row["habit"]]
    first = found.answers()[0]
    told = re.match(r"These (\d+) are equal within 5 %: (.*?)\. Take (\w+),", first)
    assert told is not None
    assert int(told[1]) == len(rows) == len(set(re.findall(r"\w+", told[2])) - {"and"}) > 2
    assert told[3] == found.best["solver"] == "dpmpp_2m" and "the next" not in first
    least = min(row["robust"] for row in rows)
    others = [row for row in found.document["rows"] if row["verdict"] == "more"]
    assert all(row["robust"] < 1.05 * least for row in rows)
    assert all(row["robust"] >= 1.05 * least or row["eta"] for row in others)
    assert CANDIDATES.index("dpmpp_2m") < CANDIDATES.index("unipc")


NARROW = 3.0 / np.arange(1, 20) ** 1.5


@cache
def narrow() -> Any:
    return diffopt.recommend(NARROW, calls=8)


def test_a_clear_lead_has_its_margins() -> None:
    found = narrow()
    best, *rows = found.document["rows"]
    rest = [row["robust"] for row in rows if row["verdict"] == "more" and not row["habit"]]
    said = r"Take (\w+) with \d+ steps on its optimized grid: its robust is ([\d.]+) times below (\w+), the next, and"
    told = re.match(said, found.answers()[0])
    assert told is not None and told[1] == best["solver"]
    assert float(told[2]) == pytest.approx(min(rest) / best["robust"], rel=5e-3)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_what_a_narrow_terminal_leaves_out_is_said_and_no_two_rows_look_alike(width: int) -> None:
    found = wide("comfyui")
    text = found.render("table", width)
    head = next(line for line in text.splitlines() if line.startswith("solver ")).split()
    table = " ".join(text.split("Take ")[0].split())
    gone = {"solver", "steps", "calls", "eta", "robust", "frechet", "verdict"} - set(head)
    said = re.search(r"left out at this width: (.*?) \(csv and json have all\)", table)
    assert gone == (set(said[1].split(", ")) if said else set()) and bool(gone) == (width == 60)
    assert {"robust", "frechet"} <= set(head)
    names = re.findall(r"^\w+(?:, \w+)?(?=  )", text, re.MULTILINE)
    assert len(names) - 1 == len(set(names)) - 1 == len(found.rows())


def test_steps_that_the_start_hides_are_told_apart() -> None:
    """The start's part is the same for all without noise; the errors of the steps alone are said."""
    found = wide("comfyui")
    rows = [row for row in found.document["rows"] if row["verdict"] in ("take", "equal") and not row["habit"]]
    starts = [row["robust"] ** 2 - row["robust_steps"] ** 2 for row in rows]
    assert min(starts) == pytest.approx(max(starts), rel=1e-5) and min(starts) > 0
    words = r"The start, which no grid without noise mends, hides the steps; theirs alone \(robust_steps\): (.*?)\.$"
    told = re.search(words, found.answers()[0])
    assert told is not None
    said = dict(part.split(" ") for part in told[1].split(", "))
    assert {name: float(value) for name, value in said.items()} == pytest.approx(
        {row["solver"]: row["robust_steps"] for row in rows}, rel=5e-3
    )
    assert list(said) == sorted(said, key=lambda name: float(said[name]))
    # Who stays with any of them pays in the steps, so that is not advised.
    assert "stay with" not in found.answers()[0]


def test_an_equal_habit_is_as_far_as_optimize_says() -> None:
    """`recommend` compares the whole error and `optimize` the steps alone: the sentence has both, each with its name."""
    found = wide("comfyui")
    habit, best = next(row for row in found.document["rows"] if row["habit"]), found.best
    ratio = habit["robust_steps"] / best["robust_steps"]
    assert habit["verdict"] == "equal" and ratio > 1.1
    assert f"the habit, is equal too, but {ratio:.3g} times above in robust_steps, the steps alone" in found.answers()[0]
    with np.errstate(all="ignore"):
        other = diffopt.optimize(WIDE, "dpmpp_2m", 6, host="comfyui", **TABLE)
    words = r"robust_steps [\d.]+, ([\d.]+) times below karras .*; with the start, .* robust is ([\d.]+)"
    words += r"(?: against ([\d.]+)| for both)\."
    told = re.search(words, other.answers()[0])
    assert told is not None and float(told[1]) == pytest.approx(ratio, rel=0.02)
    whole = [float(told[2]), float(told[3] or told[2])]
    assert whole == pytest.approx([best["robust"], habit["robust"]], rel=5e-3)


def test_a_solver_with_noise_stands_with_its_own_eta_where_none_is_best() -> None:
    """Without noise it would be another row under another name; the exact error of what people run is there."""
    found = narrow()
    rows = {row["solver"]: row for row in found.document["rows"] if row["schedule"] == "optimized"}
    for name in ("dpmpp_2m_sde", "euler_ancestral"):
        row = rows[name]
        assert (row["eta"], row["eta_found"]) == (SOLVERS[name]().default_eta, "own")
        assert "its own; 0 is better" in row["sentence"]
        again = diffopt.evaluate(NARROW, sigmas=row["sigmas"], solver=name)
        assert again.errors["frechet"] == pytest.approx(row["frechet"], rel=1e-6)
        still = diffopt.evaluate(NARROW, sigmas=row["sigmas"], solver=name, eta=0.0)
        assert rows["dpmpp_2m" if name == "dpmpp_2m_sde" else "euler"]["robust"] <= still.errors["robust"] * 1.001 < row["robust"]


def test_the_exact_error_is_said_where_it_speaks_for_another_row() -> None:
    found = wide("comfyui")
    known = [row for row in found.document["rows"] if row["verdict"] != "fitted"]
    least = min(known, key=lambda row: row["frechet"])
    (line,) = [line for line in found.answers() if line.startswith("In frechet")]
    numbers = f"{least['frechet']:.4g} against {found.best['frechet']:.4g}"
    assert f"{least['solver']} with eta {least['eta']:g} is best, {numbers}" in line
    assert least["frechet"] < 0.95 * found.best["frechet"]


def test_the_table_says_by_what_it_is_ranked_and_for_which_data() -> None:
    first, second, *_ = wide("comfyui").render("table", 200).splitlines()
    assert first == "at most 6 denoiser calls in comfyui, ranked by robust"
    assert "process table, sigma 14.6" in second and "dim 12" in second
