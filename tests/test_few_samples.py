"""How few samples a spectrum is estimated from stays with it, and every verb that reads it says so in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import small_verbs

import diffopt

VERBS = {**small_verbs.VERBS, "shift": lambda data: diffopt.shift(data, 4)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Spectra of 8 samples of 12 numbers, as they are and corrected, and of many."""
    there = tmp_path_factory.mktemp("few")
    rng, made = np.random.default_rng(0), {}
    asked = (("few", 8, "none", "json"), ("corrected", 8, "population", "npz"), ("many", 4000, "none", "npz"))
    for name, count, rule, form in asked:
        found = diffopt.estimate(rng.normal(size=(count, 12)), shrinkage=rule)
        made[name] = str(there / f"{name}.{form}")
        found.save(made[name])
    return made


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_it_in_one_line(verb: str, files: dict[str, str]) -> None:
    result: Any = VERBS[verb](files["few"])
    (line,) = [note for note in result.notes if "few samples" in note]
    assert "from 8 samples of 12 numbers" in line and "\n" not in line
    assert not [note for note in VERBS[verb](files["many"]).notes if "few samples" in note]


def test_what_was_corrected_is_said_to_be(files: dict[str, str]) -> None:
    result = diffopt.optimize(files["corrected"], steps=2)
    (line,) = [note for note in result.notes if "few samples" in note]
    assert "corrected by" in line and "population" in line and "too small" not in line
    spectrum = result.document["spectrum"]
    assert (spectrum["samples"], spectrum["shrinkage"]) == (8, "population")
    assert diffopt.optimize([1.0, 0.5], steps=2).document["spectrum"]["samples"] is None


def test_it_goes_through_a_posterior() -> None:
    covariance = diffopt.estimate(np.random.default_rng(1).normal(size=(15, 6)), covariance=True)
    found = diffopt.posterior(covariance, np.eye(6)[:2], 0.5)
    assert found.dataset.facts["samples"] == 15
    assert any("few samples" in note for note in diffopt.optimize(found, steps=2).notes)
