"""What an error budget says: one story, with the reason, and the definitions that tie it to `evaluate`."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.errors import InputError

EIG = np.array([9.0, 1.0, 0.04])
GRID = [20.0, 6.0, 2.0, 0.5, 0.0]
TRAINED: dict[str, Any] = {"samples": 400, "tau": 0.01, "precondition": True, "sigma_max": 10.0, "sigma_min": 0.1}


def table(found: Any) -> str:
    return str(found.render("table", width=200))


def test_the_terms_of_a_grid_that_ends_at_0_are_those_of_the_literal_run() -> None:
    """Euler by hand: a step is linear, the last one alone is the posterior mean; floor and steps have opposite signs."""
    variance = EIG + GRID[0] ** 2
    for now, then in zip(GRID[:-1], GRID[1:], strict=True):
        variance = ((EIG + now * then) / (EIG + now**2)) ** 2 * variance
    last = EIG**2 / (EIG + GRID[-2] ** 2)
    found = diffopt.budget(EIG, grid=GRID, solver="euler")
    squared = [np.sum((np.sqrt(a) - np.sqrt(b)) ** 2) for a, b in ((variance, last), (last, EIG), (variance, EIG))]
    terms = [found.terms["discretization"], found.terms["noise_floor"], found.total]
    assert terms == pytest.approx(squared, rel=1e-9)
    evaluated = diffopt.evaluate(EIG, sigmas=GRID, solver="euler").errors
    assert evaluated["frechet"] == pytest.approx(math.sqrt(squared[2]), rel=1e-9)
    assert evaluated["discretization"] == pytest.approx(math.sqrt(squared[2]), rel=1e-9)
    shown = table(found)
    assert f"{squared[0]:.4g}" in shown and f"{math.sqrt(squared[0]):.4g}" in shown
    assert "noise floor (last step to 0)" in shown and "down to sigma 0.5 and the same last step to 0" in shown


def test_the_head_says_what_was_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Solver, steps, grid, range, start, data; a schedule that nobody named is said."""
    np.save(tmp_path / "eig.npy", EIG)
    asked = ["error-budget", str(tmp_path / "eig.npy"), "-s", "heun", "-n", "6", "--start", "sigma", "--format", "table"]
    assert main(asked) == 0
    out, err = capsys.readouterr()
    assert "heun, 6 steps, 11 denoiser calls, the karras grid" in out
    told = " ".join(out.split())
    assert "process ve, sigma 80 to 0.002, end zero, start sigma; spectrum " in told and "eig.npy, dim 3, trace" in told
    assert "no grid is given, so karras is taken" in err
    assert main([*asked, "--schedule", "karras"]) == 0
    assert "no grid is given" not in capsys.readouterr().err
    assert main([*asked[:2], "--langevin", "0.001", "--sigma-min", "0.1", "--samples", "1e4", "--format", "table"]) == 0
    assert "Langevin chain of step size 0.001 at sigma 0.1, stationary, start exact" in capsys.readouterr().out
    assert "the grid that was given" in table(diffopt.budget(EIG, grid=GRID, solver="euler"))


def test_what_helps_comes_with_its_reason_and_what_does_not_is_no_help() -> None:
    """The totals and terms are those of budgets that are asked for by themselves."""
    found = diffopt.budget(EIG, solver="heun", steps=6, schedule="karras", **TRAINED)
    told = found.answers()
    (helped,) = [line for line in told if line.startswith("What would help most: ")]
    moves = {
        "twice the steps (12)": {"steps": 12}, "twice the samples (800)": {"samples": 800},
        "half the step size of the training (0.005)": {"tau": 0.005}, "half the sigma_min (0.05)": {"sigma_min": 0.05},
    }  # fmt: skip
    asked: dict[str, Any] = {"solver": "heun", "steps": 6, "schedule": "karras", **TRAINED}
    budgets = {words: diffopt.budget(EIG, **{**asked, **move}) for words, move in moves.items()}
    best = min(budgets, key=lambda words: budgets[words].total or math.inf)
    assert f"{best}, total {budgets[best].total:.4g}, as " in helped
    falls = {k: v - budgets[best].terms[k] for k, v in found.terms.items()}
    most = max(falls, key=lambda k: falls[k])
    assert f"{most.replace('_', ' ')} falls from {found.terms[most]:.4g} to {budgets[best].terms[most]:.4g}." in helped
    idle = " ".join(line for line in told if line.startswith("No help: "))
    for words, other in budgets.items():
        assert (f"{words}, total {other.total:.4g}" in idle) == (other.total >= found.total * (1 - 1e-3))
    assert not re.search(r"halvings|e\+0", " ".join(told))


@pytest.mark.parametrize("samples", [4, 40000])
def test_what_no_number_moves_is_said_not_to_be_tried(samples: int) -> None:
    """Steps placed for the data and a higher start, each of which then lowers its term; of a grid that was given no other."""
    asked: dict[str, Any] = {"samples": samples, "start": "sigma", "sigma_max": 4.0, "sigma_min": 0.1, "end": "zero"}
    found = diffopt.budget(EIG, solver="euler", steps=6, schedule="karras", **asked)
    (line,) = [line for line in found.answers() if line.startswith("Not tried here: ")]
    call = "`diffopt optimize SPECTRUM --solver euler --steps 6 --output FILE`"
    assert f"placed for these data instead of karras ({call}, with the same process, range and start)" in line
    assert line.endswith("; a larger --sigma-max, if the network was trained there.")
    del asked["samples"]
    placed = diffopt.optimize(EIG, solver="euler", steps=6, **asked)
    given = diffopt.budget(EIG, grid=placed, samples=samples)
    assert given.terms["discretization"] < 0.9 * found.terms["discretization"]
    higher = diffopt.budget(EIG, solver="euler", steps=6, schedule="karras", samples=samples, **{**asked, "sigma_max": 40.0})
    assert higher.terms["initialization"] < 0.1 * found.terms["initialization"]
    assert "instead of" not in " ".join(given.answers())
    near = diffopt.budget(EIG, solver="heun", steps=60, schedule="karras", samples=400)
    assert "Not tried here" not in " ".join(near.answers())


def test_a_budget_beyond_its_reach_says_so_before_any_number() -> None:
    found = diffopt.budget(EIG, samples=2)
    assert not found.valid
    first, second = found.answers()[:2]
    assert first.startswith("Not valid: too few --samples") and "no prediction" in first
    assert second.startswith("By it the expected squared 2-Wasserstein error is")
    assert f"(a distance of {math.sqrt(found.total or 0):.4g})" in second


def test_a_budget_beyond_its_reach_has_no_total_of_what_would_help() -> None:
    """The order is a guess, and named one; totals and falls, which the expansion does not give there, are not answered."""
    found = diffopt.budget(EIG, solver="heun", steps=6, schedule="karras", **{**TRAINED, "samples": 4})
    told = found.answers()
    assert not found.valid and not any(line.startswith("What would help most") for line in told)
    (guess,) = [line for line in told if line.startswith("A guess by it")]
    assert "total" not in guess and "falls" not in guess
    totals = {name: part["total"] for name, part in found.document["halving"].items() if part["total"] is not None}
    words = {"samples": "twice the samples (8)", "steps": "twice the steps (12)", "sigma_min": "half the sigma_min (0.05)",
             "tau": "half the step size of the training (0.005)"}  # fmt: skip
    places = [guess.index(words[name]) for name in sorted(totals, key=lambda name: totals[name])]
    assert places == sorted(places) and len(places) == 4
    least = min(totals, key=lambda name: totals[name])
    assert (f"most help from {words[least]}" in guess) == (totals[least] < found.total * (1 - 1e-3))


def test_a_given_score_error_is_sent_to_the_verb_that_splits_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "eig.npy", EIG)
    assert main(["error-budget", str(tmp_path / "eig.npy"), "--score-error", "data:0.05"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "diffopt evaluate SPECTRUM --schedule karras --score-error data:0.05" in err and err.count("\n") == 1
    with pytest.raises(InputError, match="a budget derives the score's error from samples and tau"):
        diffopt.budget(EIG, score_error=0.05)


def test_a_source_above_the_total_is_said_to_be_taken_off_in_part() -> None:
    """A grid that ends at 0: what the last step leaves and what the steps add are of opposite sign."""
    found = diffopt.budget("builtin:photos", solver="heun", steps=18, samples=50_000, start="sigma")
    (said,) = [line for line in found.answers() if "its largest source is" in line]
    largest, total = max(v for v in found.terms.values() if v is not None), found.total or 0.0
    assert largest > total and said.endswith(f"{largest:.4g} alone, of which the others take off a part.")
    other = diffopt.budget(EIG, solver="heun", steps=6, schedule="karras", **TRAINED)
    assert max(v for v in other.terms.values() if v is not None) <= (other.total or 0.0)
    assert not any("take off a part" in line for line in other.answers())
