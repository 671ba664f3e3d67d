"""The noise ratio that is advised where a start from noise is too far off: its law, its number, and that the advice ends."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.studies.covering import covering_sigma, start_error

pytestmark = pytest.mark.usefixtures("no_optimum")

EIG, MEAN = np.array([64.0, 9.0, 0.5]), np.array([3.0, -1.0, 0.2])


def closed(top: float, start: str, mean: np.ndarray) -> float:
    """Eq. (440), written out."""
    first = top**2 + (1 if start == "unit" else 0)
    squares = EIG * (1 - np.sqrt(first / (EIG + top**2))) ** 2 + mean**2 * EIG / (EIG + top**2)
    return math.sqrt(squares.sum())


@pytest.mark.parametrize("start", ["sigma", "unit"])
@pytest.mark.parametrize("mean", [None, MEAN])
def test_a_start_leaves_what_many_steps_make_of_it(start: str, mean: np.ndarray | None) -> None:
    """Eq. (440): in closed form, and the `initialization` of 2000 steps of Heun; it falls as the noise ratio grows."""
    spectrum = Spectrum.create(EIG, mean=mean)
    for top in (5.0, 30.0):
        told = start_error(spectrum, top, start)  # type: ignore[arg-type]
        assert told == pytest.approx(closed(top, start, MEAN if mean is not None else 0 * MEAN), rel=1e-12)
        grid = [*np.geomspace(top, 1e-3, 2000), 0.0]
        run = diffopt.evaluate(spectrum, sigmas=grid, solver="heun", start=start)
        assert run.errors["initialization"] == pytest.approx(told, rel=1e-3)
    falling = [start_error(spectrum, top, start) for top in np.geomspace(0.1, 1e3, 30)]  # type: ignore[arg-type]
    assert np.all(np.diff(falling) < 0)


def test_the_number_is_the_least_of_its_digits() -> None:
    spectrum = Spectrum.create(EIG, mean=MEAN)
    for allowed in (1.0, 0.1, 1e-3):
        top = covering_sigma(spectrum, "sigma", allowed)
        assert top is not None and float(f"{top:.2g}") == top
        unit = 10.0 ** (math.floor(math.log10(top)) - 1)
        assert closed(top, "sigma", MEAN) <= allowed < closed(top - unit, "sigma", MEAN)
    assert covering_sigma(spectrum, "sigma", 0.0) is None


def told(text: str) -> float:
    found = re.search(r"(?:sigma[-_]max(?: to)?|begin the grid at) ([\d.e+]+)", text)
    assert found is not None, text
    return float(found[1])


@pytest.mark.parametrize("steps", [10, 60])
def test_the_advice_of_evaluate_ends(steps: int) -> None:
    """Eq. (441): after one step that follows it the start no longer dominates, and nothing larger is advised."""
    ask = {"schedule": "karras", "solver": "heun", "steps": steps, "start": "sigma"}
    first = diffopt.evaluate(EIG, sigma_max=4.0, **ask)
    assert "The start dominates" in first.answers()[0]
    top = told(first.answers()[0].partition("dominates")[2])
    again = diffopt.evaluate(EIG, sigma_max=top, **ask)
    assert "The start dominates" not in again.answers()[0]
    assert again.errors["initialization"] <= 0.3 * first.errors["discretization"]


def test_the_notes_of_an_exact_start_end() -> None:
    first = diffopt.evaluate(EIG, schedule="karras", solver="heun", steps=30, sigma_max=10.0)
    (line,) = [note for note in first.notes if "adds up to" in note]
    again = diffopt.evaluate(EIG, schedule="karras", solver="heun", steps=30, sigma_max=told(line.partition("or raise")[2]))
    assert not [note for note in again.notes if "sigma_max" in note and "note" in note]
    wide = diffopt.evaluate(EIG, schedule="karras", solver="heun", steps=30, sigma_max=6.0)
    (line,) = [note for note in wide.notes if "above sigma_max" in note]
    top = told(line.partition("raise")[2])
    assert closed(top, "sigma", 0 * MEAN) <= 0.01 * math.sqrt(EIG.sum())


def test_a_free_sigma_max_that_ends_at_its_bound_is_told_where_to_stop() -> None:
    """Each run is told a number until the start is a quarter of the steps; then that more gains little, or it ends inside."""
    top = 6.0
    for _ in range(3):
        found = diffopt.optimize(EIG, "heun", 8, free="family", schedule="karras", start="sigma", sigma_max=top)
        advice = [line for line in found.answers() if line.startswith("sigma_max: ")]
        if not advice or "gains little" in advice[0]:
            break
        assert told(advice[0].partition("try")[2]) > top
        top = told(advice[0].partition("try")[2])
    else:
        pytest.fail("each run advises a larger one")
    assert top > 6.0


def test_a_process_that_goes_no_higher_says_what_noise_does() -> None:
    """No grid without noise mends the start there; the same levels with noise do in part, as the sentence says."""
    ask = {"schedule": "uniform_t", "steps": 60, "process": "vp_linear", "beta_max": 4.0, "start": "sigma"}
    found = diffopt.evaluate(EIG, solver="euler", **ask)
    line = found.answers()[0]
    assert "the process goes no higher; a grid without noise cannot mend that, injected noise does in part" in line
    noisy = diffopt.evaluate(EIG, solver="euler_maruyama", **ask)
    assert noisy.errors["initialization"] < 0.9 * found.errors["initialization"]


def test_what_a_score_error_adds_to_the_steps_is_told_apart() -> None:
    """The steps of `evaluate` have the score's error in them: beside them stands what they are without."""
    ask = {"schedule": "karras", "solver": "heun", "steps": 12}
    wrong, right = diffopt.evaluate(EIG, score_error="0.1", **ask), diffopt.evaluate(EIG, **ask)
    exact = wrong.document["exact_score"]["discretization"]
    assert exact == pytest.approx(right.errors["discretization"], rel=1e-6) and exact < wrong.errors["discretization"]
    assert f"steps {wrong.errors['discretization']:.4g} ({exact:.4g} with an exact score)" in wrong.answers()[0]
    assert right.document["exact_score"] is None and "exact score" not in right.answers()[0]
