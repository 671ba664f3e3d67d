"""Runs that make more of their errors than those add up to: what first order allows, and that none is sold."""

from __future__ import annotations

import numpy as np
import pytest

import diffopt
from diffopt.data.scaled_copies import SCALES
from diffopt.objectives.robust import AMPLIFIED, Robust, amplifies

pytestmark = pytest.mark.usefixtures("no_optimum")

#: Where the search for `unipc` with a relative error of the model of 0.3 puts levels on top of each other.
EIG = [200.0, 20.0, 2.0, 0.2, 0.02]


def bound(start: str = "exact") -> float:
    """Eq. (290) by the objective's own shares."""
    shares = np.array(SCALES) ** Robust().tilt
    parts = (1 if start == "exact" else 2) + Robust().signed
    return float(np.sqrt(parts * shares.sum() / shares[SCALES.index(1.0)]))


def test_the_bound_is_below_what_counts_as_amplified():
    """Eq. (290): 7.2 from the exact start, else 8.8."""
    assert bound() == pytest.approx(7.2, abs=0.05)
    assert bound("unit") == pytest.approx(8.8, abs=0.05)
    assert bound("unit") < AMPLIFIED
    assert not amplifies(None, 1.0)
    assert not amplifies(1.0, None)


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "unipc", "ipndm"])
@pytest.mark.parametrize("schedule", ["karras", "exponential", "flow_shift"])
@pytest.mark.parametrize("start", ["exact", "sigma"])
def test_accurate_runs_keep_the_bound(solver, schedule, start):
    """Eq. (290) in exact laws, where the first order is all there is."""
    found = diffopt.evaluate([9.0, 1.0, 0.2, 0.03], solver=solver, schedule=schedule, steps=24, start=start)
    assert found.errors["frechet"] <= bound(start) * found.errors["robust"]


def test_a_grid_that_amplifies_is_replaced_and_it_is_said():
    found = diffopt.optimize(EIG, "unipc", 16, score_error="data:0.3")
    alone = {
        name: diffopt.evaluate(EIG, solver="unipc", steps=16, schedule=name, score_error="data:0.3") for name in ("karras", "vp")
    }
    assert found.errors["frechet"] < AMPLIFIED * found.errors["robust"]
    message = found.document["optimizer"]["message"]
    assert "amplifies errors" in message
    assert "is returned" in message
    assert found.errors["robust"] <= min(each.errors["robust"] for each in alone.values()) * (1 + 1e-6)


def test_recommendations_do_not_amplify():
    rows = diffopt.recommend(EIG, calls=16, score_error="data:0.3").document["rows"]
    assert {row["solver"] for row in rows} >= {"unipc", "dpmpp_2m"}
    assert all(row["frechet"] < AMPLIFIED * row["robust"] for row in rows)


def test_noise_is_chosen_where_it_pays(monkeypatch):
    """An independent scan of eta on the row's grid finds nothing better; with an exact score none is best."""
    with monkeypatch.context() as patch:
        patch.setattr("diffopt.api.recommend.CANDIDATES", ("heun", "euler_ancestral"))
        noisy = diffopt.recommend(EIG, calls=8, score_error="0.1").document["rows"]
    row = next(row for row in noisy if row["solver"] == "euler_ancestral")
    assert row["eta"] > 0.3
    errors = {}
    for eta in (0.0, row["eta"] * 0.8, row["eta"], row["eta"] * 1.2):
        again = diffopt.evaluate(EIG, sigmas=row["sigmas"], solver="euler_ancestral", eta=eta, score_error="0.1")
        errors[eta] = again.errors["robust"]
    assert min(errors, key=errors.__getitem__) == row["eta"]
    assert f"eta {row['eta']:.4g}" in row["sentence"]
    exact = [row for row in diffopt.recommend(EIG, calls=4).document["rows"] if row["schedule"] != "karras"]
    assert all((row["eta"] == 0) == (row["eta_found"] != "own") for row in exact)
    for row in (row for row in exact if row["eta_found"] == "own"):
        without = diffopt.optimize(EIG, row["solver"], row["steps"], eta=0.0)
        assert without.errors["robust"] < row["robust"] and "its own; 0 is better" in row["sentence"]
