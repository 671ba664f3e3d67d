"""Axes say in which units their numbers are: the data's, or the model's where samples were scaled before the estimate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.api.results.spectrum import SpectrumResult
from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.objectives.metrics import METRICS
from diffopt.report.units import unit, units

DATA = Dataset(Spectrum.create(np.array([4.0, 1.0, 0.1])))
SCALED = replace(DATA, facts={"scale": {"scale": 0.025, "shift": -7.5, "origin": "standardized"}})
VERBS: dict[str, Any] = {
    "optimize": lambda data: diffopt.optimize(data, "euler", 3),
    "evaluate": lambda data: diffopt.evaluate(data, schedule="karras", solver="euler", steps=3),
    "budget": lambda data: diffopt.budget(data, "euler", 4, samples=400),
    "orders": lambda data: diffopt.orders(data, "euler", [8, 16], metric="frechet,weak", sigma_min=0.05),
    "compare": lambda data: diffopt.compare(data, "euler", [3], only="karras,exponential"),
    "shift": lambda data: diffopt.shift(data, 4),
    "best_eta": lambda data: diffopt.best_eta(data, "euler_maruyama", 2),
    "summary": lambda data: SpectrumResult(data).summary(),
}


def words(canvas: Any) -> str:
    return " ".join(t for axis in canvas.axes for t in (axis.get_xlabel(), axis.get_ylabel()))


@pytest.mark.parametrize("verb", VERBS)
def test_axes_of_scaled_samples_name_the_model_and_the_factor(verb: str) -> None:
    plain, scaled = (words(VERBS[verb](data).figure()) for data in (DATA, SCALED))
    assert "data units" in plain and "model units" not in plain
    assert "model units" in scaled and "x * 0.025" in scaled and "data units" not in scaled


def test_a_factor_of_one_changes_no_unit_and_nats_have_none() -> None:
    assert units(None) == units(1.0) == "data units" and units(None, squared=True) == "data units squared"
    assert units(2.0, squared=True) == "model units squared, (x * 2)\u00b2" and unit("kl", 2.0) == "nats"


@pytest.mark.parametrize("verb", ["optimize", "evaluate", "compare", "shift", "best_eta"])
def test_axes_of_errors_say_what_is_good_and_what_the_robust_one_is(verb: str) -> None:
    """Inside the picture, also where the units are long."""
    canvas = VERBS[verb](SCALED).figure()
    labels = [" ".join(text.split("\n")) for axis in canvas.axes for text in (axis.get_xlabel(), axis.get_ylabel())]
    assert any("less is better" in text for text in labels)
    assert all("what start and steps miss, uncancelled" in text for text in labels if text.startswith("robust error"))
    assert any(text.startswith("robust error") for text in labels) == (verb in ("optimize", "evaluate", "compare"))
    canvas.draw_without_rendering()
    for axis in canvas.axes:
        box = axis.xaxis.label.get_window_extent()
        assert canvas.bbox.x0 <= box.x0 and box.x1 <= canvas.bbox.x1, axis.get_xlabel()


def test_a_page_says_what_its_columns_are() -> None:
    page = VERBS["compare"](SCALED).page()
    told = page.partition('id="columns">')[2].partition("</p>")[0]
    for name in ("robust", "frechet", "kl"):
        assert f"{name}: {METRICS[name].title} (" in told
    assert "less is better" in told and "data units" not in told and "x * 0.025" in told
