"""The scale and layout of latents: a factor that was forgotten or used twice, channels at the other end."""

from __future__ import annotations

import numpy as np
import pytest

from diffopt.errors import InputError
from diffopt.estimation import estimate
from diffopt.estimation.facts import notes
from diffopt.estimation.sources.channels import channels_of
from diffopt.estimation.sources.scaling import Scaling


def latents(std: float, channels: int = 4) -> np.ndarray:
    return std * np.random.default_rng(2).standard_normal((40, channels, 6, 6))


@pytest.mark.parametrize("channels", [4, 16])
@pytest.mark.parametrize(("std", "far"), [(7.5, True), (0.127, True), (0.97, False), (1.1, False)])
def test_latents_are_measured_against_one(std, far, channels):
    found = "\n".join(notes(estimate(latents(std, channels), "pca")))
    assert "EDM" not in found
    assert "--standardize" not in found
    assert ("forgotten or used twice" in found) == far
    assert ("SDXL 0.13025" in found) == (far and channels == 4)


def test_the_factor_that_is_named_ends_the_note():
    found = "\n".join(notes(estimate(latents(7.5), "pca", scaling=Scaling(0.13025, 0.0, "given"))))
    assert "about 1" in found
    assert "forgotten" not in found


def test_images_keep_their_own_note():
    found = "\n".join(notes(estimate(latents(7.5, 3), "pca")))
    assert "far from what EDM assumes" in found


@pytest.mark.parametrize(
    ("shape", "choice", "right"),
    [((64, 64, 4), "first", "last"), ((28, 28, 3), "first", "last"), ((16, 64, 64), "last", "first")],
)
def test_channels_at_the_wrong_end_are_asked_for(shape, choice, right):
    with pytest.raises(InputError, match=f"say --channels {right}, or --channels [02] if the") as raised:
        channels_of(shape, choice)
    assert "\n" not in str(raised.value)
    assert channels_of(shape, right).axis == (2 if right == "last" else 0)
    number = 0 if choice == "first" else 2
    assert channels_of(shape, str(number)).axis == number


@pytest.mark.parametrize(("shape", "choice"), [((4, 64, 64), "first"), ((3, 16, 4), "first"), ((64, 64, 12), "first")])
def test_plausible_channels_are_taken(shape, choice):
    assert channels_of(shape, choice).axis == 0


def test_few_samples_after_a_correction_are_told_what_it_did():
    data = np.random.default_rng(3).standard_normal((60, 30))
    lines = {rule: "\n".join(notes(estimate(data, "pca", shrinkage=rule))) for rule in ("none", "population", "oas")}
    assert "--shrinkage population corrects it" in lines["none"]
    assert "has undone it" in lines["population"]
    assert "too small" not in lines["population"]
    assert "--shrinkage oas has drawn them together" in lines["oas"]
