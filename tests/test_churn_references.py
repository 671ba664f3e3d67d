"""What a run with EDM's churn is compared with: Karras with and without churn, by names that say which."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.report import answers
from diffopt.report.churn import reference
from diffopt.report.churn_answers import leave_out
from diffopt.report.terminal import score_rows

EIG = np.array([9.0, 1.0, 0.04])
STEPS, LOW, HIGH = 6, 0.05, 40.0
ASKED: dict[str, Any] = {"sigma_max": HIGH, "sigma_min": LOW, "objective": "frechet"}


def frechet(churn: float) -> float:
    """EDM's loop on Karras with S_churn, one variance a direction."""
    ramp = np.append(np.linspace(HIGH ** (1 / 7), LOW ** (1 / 7), STEPS) ** 7, 0.0)
    variance = EIG + HIGH**2
    for now, then in itertools.pairwise(ramp):
        hat = now * (1 + min(churn / STEPS, np.sqrt(2) - 1))
        variance = variance + hat**2 - now**2
        slope = hat / (EIG + hat**2)
        factor = 1 + (then - hat) * slope
        if then > 0:
            factor = 1 + (then - hat) * (slope + then / (EIG + then**2) * factor) / 2
        variance = factor**2 * variance
    return float(np.sqrt(np.sum((np.sqrt(variance) - np.sqrt(EIG)) ** 2)))


def test_both_are_the_loop_of_edm_and_the_gain_is_over_the_better() -> None:
    found = diffopt.optimize(EIG, "edm_stochastic", STEPS, free="family", schedule="karras", score_error=None, **ASKED)
    beside = found.baselines
    assert beside["karras"]["frechet"] == pytest.approx(frechet(1.0), rel=1e-9)
    assert beside["karras_no_churn"]["frechet"] == pytest.approx(frechet(0.0), rel=1e-9)
    better = min(frechet(1.0), frechet(0.0))
    assert abs(frechet(1.0) / frechet(0.0) - 1) > 0.05
    told = "karras, no churn" if better == frechet(0.0) else "karras, S_churn 1"
    default = "" if better == frechet(0.0) else f"; karras, no churn, EDM's default: {frechet(0.0):.4g}"
    assert f"{told} ({better:.4g}{default})" in found.answers()[0]


def test_a_file_is_evaluated_beside_the_same_two(tmp_path: Any) -> None:
    """One reference in two commands: with the churn of the file, and without."""
    found = diffopt.optimize(EIG, "edm_stochastic", STEPS, s_churn=2.0, **ASKED)
    again = diffopt.evaluate(EIG, found)
    for data in (found.document, again.document):
        assert data["baselines"]["karras"]["frechet"] == pytest.approx(frechet(2.0), rel=1e-9)
        assert data["baselines"]["karras_no_churn"]["frechet"] == pytest.approx(frechet(0.0), rel=1e-9)
    shown = str([row["schedule"] for row in score_rows(again.document)])
    assert "karras, no churn" in shown and "karras, same churn" in shown and "optimized, same churn" in shown
    assert "karras, same churn" in " ".join(found.answers()) or "karras, no churn" in " ".join(found.answers())


def test_a_run_without_churn_has_one_karras() -> None:
    found = diffopt.evaluate(EIG, solver="edm_stochastic", steps=STEPS, schedule="exponential", s_churn=0.0, sigma_min=LOW)
    assert "karras_no_churn" not in found.references
    assert "karras, no churn" in " ".join(found.answers())
    assert "churn" not in " ".join(diffopt.evaluate(EIG, solver="heun", steps=STEPS, schedule="exponential").answers())


NAMED = [("karras", "karras"), ("karras:rho=7", "karras"), ("karras:rho=8.9", "karras:rho=8.9")]


@pytest.mark.parametrize(("asked", "named"), NAMED)
def test_options_of_a_schedule_are_part_of_its_name(asked: str, named: str) -> None:
    found = diffopt.evaluate(EIG, solver="heun", steps=STEPS, schedule=asked, sigma_max=HIGH, sigma_min=LOW)
    told = " ".join(found.answers())
    assert f": {named} has " in told and ("karras (" in told) == (named != "karras")


def test_a_comparison_says_with_which_churn_its_rows_run() -> None:
    table = diffopt.compare(EIG, "edm_stochastic,heun", STEPS, only="karras,exponential", **ASKED)
    (said,) = [note for note in table.notes if "S_churn" in note]
    assert f"S_churn 1 in every row; karras without churn, EDM's default, has frechet {frechet(0.0):.4g} at {STEPS} steps" in said
    # Heun in sigma is that run, as the note says.
    heun = next(row for row in table.document["rows"] if row["solver"] == "heun" and row["schedule"] == "karras")
    assert heun["frechet"] == pytest.approx(frechet(0.0), rel=1e-9)
    assert not any("S_churn" in note for note in diffopt.compare(EIG, "heun", STEPS, only="karras").notes)


def test_a_better_karras_without_churn_is_named_with_its_flags() -> None:
    data = {
        "objective": {"name": "frechet", "value": 1.0}, "solver_options": {"s_churn": 1.0},
        "baselines": {"karras": {"frechet": 2.0}, "karras_no_churn": {"frechet": 0.5}},
    }  # fmt: skip
    assert answers.optimized(data).endswith("take --schedule karras --s-churn 0.")
    assert "karras, no churn has the smallest frechet, 0.5" in answers.optimized(data)


@pytest.mark.parametrize(
    ("free", "began", "label"),
    [
        (["grid"], None, "karras, same churn"), (["family"], 1.0, "karras, S_churn 1"),
        (["s_churn", "s_tmin"], 0.5, "karras, S_churn 0.5"), (["s_noise"], None, "karras, S_churn 3"),
    ],
)  # fmt: skip
def test_labels_say_the_churn_of_the_row_and_not_of_the_answer(free: list[str], began: float | None, label: str) -> None:
    start = {} if began is None else {"s_churn": began}
    data = {"solver_options": {"s_churn": 3.0}, "optimizer": {"free": free, "family_start": start}}
    assert reference("karras", data) == label


@pytest.mark.parametrize(
    ("best", "free", "said"),
    [("beta", "s_churn", True), ("edm_vp", "s_churn", False), ("karras_no_churn", "s_churn", False), ("beta", "grid", False)],
)
def test_a_better_schedule_that_edm_cannot_make_is_said_to_be_one(best: str, free: str, said: bool) -> None:
    """generate.py has --rho and --disc; a grid that is free goes to no flags of its."""
    schedule = {} if free == "grid" else {"schedule": "karras"}
    found = diffopt.optimize(EIG, "edm_stochastic", 3, free=free, **schedule, **ASKED)
    value = found.document["objective"]["value"]
    data = {**found.document, "baselines": {"karras": {"frechet": 2 * value}, best: {"frechet": value / 2}}}
    assert (", which EDM's generate.py cannot make." in answers.optimized(data)) == said
    assert any(line.startswith("EDM: generate.py") for line in found.answers()) == (free != "grid")


def test_churn_that_does_not_pay_is_said_of_its_schedule() -> None:
    assert leave_out(None, "frechet", "karras") == "EDM's churn does not pay on karras: s_churn 0 is as good."
    churn = {"frechet": [1.0, 0.9], "parts": {}}
    assert "not pay on karras: frechet is 1 with it and 0.9 on the same grid without" in leave_out(churn, "frechet", "karras")
