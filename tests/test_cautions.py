"""What an answer rests on is said beside it: cancellation, made-up rules, defaults, data of another kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.api.arguments import LATENT_HOSTS
from diffopt.data.builtin import BUILTINS, SUMMARIES
from diffopt.errors import InputError
from diffopt.hosts import HOSTS
from diffopt.report import noise_answers
from diffopt.report.catalogue import inventory
from diffopt.report.family import found_numbers

EIG = np.array([20.0, 1.0, 0.02])


@pytest.mark.parametrize(
    ("churn", "error", "said"),
    [
        (4.0, None, "with an exact score what churn gains is cancellation"),
        (4.0, "data:0.05", "follows the score error data:0.05, a rule and not a measurement"),
        (4.0, "random:0.1", "a rule and not a measurement"),
        (4.0, "curve:loss.csv", None),
        (4.0, "random:curve:loss.csv", None),
        (0.0, None, None),
    ],
)
def test_churn_that_pays_says_what_the_gain_rests_on(churn: float, error: str | None, said: str | None) -> None:
    document = {
        "optimizer": {"family": {"rho": 7.0, "s_churn": churn}, "free": ["family"], "schedule": "karras"}, "steps": 4,
        "solver": "edm_stochastic", "process": {"name": "ve"}, "end": "zero", "clock": None, "solver_options": {"s_churn": churn},
        "sigmas": [80.0, 1.0, 0.1, 0.01, 0.0], "score_error": error,
    }  # fmt: skip
    cautions = [line for line in found_numbers(document) if line.startswith("Caution")]
    assert len(cautions) == (said is not None)
    assert all(str(said) in line for line in cautions)


def _noise(best: tuple[float, float], now: tuple[float, float], signed: float = 0.01, said: str = "wider") -> str:
    def row(design: str, errors: tuple[float, float], eta: float) -> dict[str, Any]:
        found = {"design": design, "exact": errors[0], "signed": signed, "absolute": errors[1], "eta": [eta], "clock": "sigma"}
        return {**found, "beats_present": said}

    data = {"rows": [row("constant", best, 1.0)], "present": row("constant", now, 0.0), "eta_meaning": None}
    return " ".join(noise_answers.noise({**data, "advised": 0 if said == "wider" else None}))


def test_a_gain_by_cancellation_is_named_and_not_sold() -> None:
    """Of a factor 1000 in the signed error, 2 are left where no step's error cancels another's."""
    told = _noise((0.01, 5.0), (10.0, 10.0))
    assert "cancelling (absolute) it is 2 times below: do not count on more there" in told
    # The factor is said of Gaussian data alone.
    assert "exact error 0.01 on Gaussian data, 1e+03 times below the present eta 0 (10). It gains also where" in told
    worse = _noise((0.01, 15.0), (10.0, 10.0), said="gaussian")
    assert worse.startswith("Keep the present eta 0") and "count on" not in worse
    assert "Not advised: eta 1. Its exact error, 0.01 on Gaussian data" in worse
    assert "only because errors of its steps cancel" in worse
    plain = _noise((1.0, 5.0), (2.0, 10.0))
    assert "cancel" not in plain and "2 times below the present eta 0 (2)" in plain
    assert "cancel" not in _noise((6.43, 4.62), (7.83, 4.7))
    # Errors of one sign cancel nothing: what the exact error gains more is beyond the leading order.
    same = _noise((0.01, 5.0), (10.0, 10.0), signed=5.0)
    assert "cancel" not in same and "To leading order (absolute) it is 2 times below" in same


def test_a_gain_where_no_errors_of_steps_differ_in_sign_is_not_called_cancellation() -> None:
    """A score that is too strong at large noise adds variance at every step: nothing cancels there."""
    found = diffopt.best_eta("builtin:photos", "ddim", 20, start="sigma", sigma_max=20, score_error="noise:0.05",
                             design="constant,per_step", noise_objective="exact")  # fmt: skip
    best = min(found.document["rows"], key=lambda row: row["exact"])
    assert best["signed"] == pytest.approx(best["absolute"], rel=1e-3) and best["exact"] < best["absolute"] / 1.1
    told = " ".join(found.answers())
    assert "cancel" not in told and "To leading order (absolute)" in told and "do not count on more" in told


@pytest.mark.parametrize("free", ["family", "eta"])
def test_a_schedule_that_is_taken_is_said_and_as_if_named(free: str) -> None:
    solver = "heun" if free == "family" else "ddim"
    silent = diffopt.optimize(EIG, solver, 5, free=free, start="sigma")
    named = diffopt.optimize(EIG, solver, 5, free=free, start="sigma", schedule="karras")
    assert silent.document == named.document
    assert any("no schedule is named, so karras is taken" in note for note in silent.notes)
    assert not any("no schedule" in note for note in named.notes)
    assert any(line.startswith("EDM: ") for line in silent.answers()) == (free == "family")


@pytest.mark.parametrize("option", ["s_churn", "s_noise", "s_tmin", "s_tmax"])
def test_churn_of_another_solver_leads_to_the_one_that_has_it(option: str) -> None:
    with pytest.raises(InputError, match='solver="edm_stochastic"'):
        diffopt.evaluate(EIG, schedule="karras", solver="heun", steps=4, **{option: 1.0})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"process": "flow"}, True), ({"host": "comfyui"}, True), ({"host": "diffusers:snippet"}, True),
        ({}, False), ({"host": "edm"}, False),
    ],
)
def test_patches_of_photographs_are_not_the_latents_of_a_model(given: dict[str, str], said: bool) -> None:
    found = diffopt.compare("builtin:photos", "euler", 2, only="karras,uniform_t", kind="fixed", **given)
    assert any("not of your model's latents" in note for note in found.notes) == said
    assert set(LATENT_HOSTS) <= set(HOSTS)


def test_every_built_in_spectrum_is_described() -> None:
    assert SUMMARIES.keys() == BUILTINS.keys()
    assert all(row["summary"] for row in inventory("builtins", False)["builtins"])
