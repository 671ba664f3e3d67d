"""`recommend` on flow models: a row for what a pipeline runs now, by its configuration or shift, or a note that there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

import diffopt

EIG = [20.0, 2.0, 0.1]


def habits(found):
    return [row for row in found.document["rows"] if row["habit"]]


def shifted(u: np.ndarray, a: float) -> np.ndarray:
    return a * u / (1 + (a - 1) * u)


@pytest.fixture
def config(tmp_path):
    def write(**values):
        path = tmp_path / "scheduler_config.json"
        path.write_text(json.dumps({"num_train_timesteps": 1000, **values}))
        return str(path)

    return write


def test_the_row_of_a_configuration_is_the_pipelines_own(config) -> None:
    """Shifted twice as FlowMatchEulerDiscreteScheduler does: S(1) to S(1/1000) in N points, and once more."""
    path = config(_class_name="FlowMatchEulerDiscreteScheduler", shift=3.0)
    found = diffopt.recommend(EIG, calls=3, scheduler_config=path, host="diffusers")
    (row,) = habits(found)
    s = shifted(np.linspace(1, shifted(np.array(1 / 1000), 3.0), 3), 3.0)
    assert (row["solver"], row["schedule"], row["sigmas"][0]) == ("euler", "own", None)
    np.testing.assert_allclose(np.array(row["sigmas"][1:3]), s[1:] / (1 - s[1:]), rtol=1e-9)
    assert found.document["margin_to_habit"] == pytest.approx(row["robust"] / found.best["robust"])
    assert "euler on the model's own grid, the habit" in found.answers()[0]
    assert any(note.startswith("note: row euler, own, is what the model's pipeline runs by itself") for note in found.notes)
    alone = diffopt.evaluate(EIG, sigmas=[np.inf, *row["sigmas"][1:]], solver="euler", process="flow")
    assert alone.errors["robust"] == pytest.approx(row["robust"])


def test_unipc_of_flows_is_the_habit_where_the_configuration_says_it(config) -> None:
    path = config(_class_name="UniPCMultistepScheduler", use_flow_sigmas=True, flow_shift=5.0, prediction_type="flow_prediction")
    (row,) = habits(diffopt.recommend(EIG, calls=2, scheduler_config=path, host="diffusers"))
    s = shifted(np.array([(1 + 1 / 1000) / 2]), 5.0)
    assert (row["solver"], row["schedule"]) == ("unipc", "own") and row["sigmas"][0] > 1e5, "1 - 1e-6, as diffusers begins"
    np.testing.assert_allclose(row["sigmas"][1:], [*(s / (1 - s)), 0], rtol=1e-9)


@pytest.mark.parametrize("host", [None, "comfyui"])
def test_a_shift_alone_has_simple_at_that_shift(host) -> None:
    """Every 1000/2-th of the model's levels, from the largest: s = S(1 - i/2)."""
    found = diffopt.recommend(EIG, calls=2, process="flow", shift=3, host=host)
    (row,) = habits(found)
    s = shifted(np.array([1 / 2]), 3.0)
    assert (row["solver"], row["schedule"]) == ("euler", "simple")
    np.testing.assert_allclose(np.array(row["sigmas"][1:2]), s / (1 - s), rtol=1e-9)
    assert any("row euler, simple, leads ComfyUI's lists, here at shift 3" in note for note in found.notes)
    assert "shift=3" in found.command or "--shift 3" in found.command


@pytest.mark.parametrize(("asked", "said"), [
    ({}, "add shift (sd3, flux, flux_schnell or a number) or scheduler_config"),
    ({"shift": 3, "host": "diffusers"}, "add scheduler_config"),
    ({"shift": 3, "sigma_max": 20, "host": "comfyui"}, "from pure noise to 0"),
    ({"shift": 3, "end": "sigma_min", "host": "comfyui"}, "from pure noise to 0"),
])  # fmt: skip
def test_where_there_is_none_a_note_says_so(asked, said) -> None:
    found = diffopt.recommend(EIG, calls=1, process="flow", **asked)
    assert not habits(found) and found.document["margin_to_habit"] is None
    (note,) = [note for note in found.notes if "no row is what" in note]
    assert said in note.replace("=FILE", "").replace("--", "")


def test_other_processes_have_karras_and_no_note() -> None:
    found = diffopt.recommend(EIG, calls=2, host="k-diffusion")
    assert [(row["solver"], row["schedule"]) for row in habits(found)] == [("dpmpp_2m", "karras")]
    assert not any("no row" in note or "note: row" in note for note in found.notes)
