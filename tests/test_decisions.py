"""Decisions of the search and of reading a grid, each with what would be worse without it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from problems import EXAMPLES, make

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.quasi_newton import Memory, Minimum
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.search import lbfgs
from diffopt.search.descent import optimize

POWER = Spectrum.create(4.0 * np.arange(1, 41.0) ** -2)


def test_a_search_is_restarted_while_a_restart_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minimizer that goes half the way: the search asks it again until it gains less than the tolerance."""
    asked = 0

    def half(loss, x, bounds, budget, gain, slope, **rest):
        nonlocal asked
        asked += 1
        value, gradient = loss(x / 2)
        return Minimum(x / 2, value, gradient, 1, Memory())

    monkeypatch.setattr(lbfgs, "minimize", half)
    found = lbfgs.descend(lambda x: (float(x @ x), 2 * x), np.array([1.0, -2.0]), [(-3.0, 3.0)] * 2, 1e-6)
    # 5/4^k after k restarts; the gain of the last one is below 1e-6.
    assert found is not None and found.value < 1e-6
    assert 10 <= asked <= 14


def test_later_starts_are_probed_and_given_up() -> None:
    """Three starts of a search with one optimum cost the first one's evaluations and a few of each other's."""
    problem = Problem.create(POWER, EXAMPLES["ve"], make("euler"), 20, 80.0, 0.002)
    one, three = (optimize(problem, OBJECTIVES["robust"](), searches=n) for n in (1, 3))
    assert one.value == pytest.approx(three.value, rel=1e-9)
    later = three.evaluations - one.evaluations
    alone = one.evaluations - len(one.scores)
    # Not left out, and not followed to the end.
    assert 2 * 2 <= later <= 2 * (lbfgs.PROBE + 2)
    assert later < 2 * alone


def test_a_later_start_that_overtakes_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the best start leads to a worse optimum than another, the other one's is the result."""
    calls = []

    def loss(x):
        calls.append(x.copy())
        # Two valleys: 1 at x = -1, 0 at x = 2.
        left, right = (x[0] + 1) ** 2 + 1, 0.5 * (x[0] - 2) ** 2
        return (left, 2 * (x + 1)) if left < right else (right, x - 2)

    first = lbfgs.descend(loss, np.array([-1.1]), [(-5.0, 5.0)], 1e-9)
    assert first is not None and first.value == pytest.approx(1.0)
    second = lbfgs.descend(loss, np.array([3.5]), [(-5.0, 5.0)], 1e-9, target=first.value, probe=8)
    assert second is not None and second.value == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("verb", ["evaluate", "simulate"])
def test_eta_of_another_solvers_file_is_not_taken_over(verb: str, tmp_path: Path) -> None:
    """A file of ddim with eta = 0.5: `euler_ancestral` on its grid runs with its own default, as on a bare list."""
    sigmas = [14.6, 6.5, 1.1, 0.4, 0.0]
    file = tmp_path / "ddim.json"
    file.write_text(json.dumps({"solver": "ddim", "sigmas": sigmas, "eta": [0.5] * 4, "process": {"name": "ve"}}))

    def error(grid, **flags):
        if verb == "evaluate":
            return diffopt.evaluate([4.0, 1.0, 0.1], grid, "euler_ancestral", **flags).errors["frechet"]
        np.savez(tmp_path / "m.npz", weights=[1.0], means=np.zeros((1, 3)), variances=[[4.0, 1.0, 0.1]])
        found = diffopt.simulate(
            None, grid, "euler_ancestral", mixture=tmp_path / "m.npz", count=200, reference_steps=20, **flags
        )
        return found.document["rows"][0]["limit"]["frechet"]["value"]

    # The file's levels alone, without its solver.
    plain = error(np.array(sigmas))
    assert error(file) == plain
    assert error(file, eta=0.5) != pytest.approx(plain, rel=1e-3)


def test_eta_of_the_same_solvers_file_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "ddim.json"
    file.write_text(json.dumps({"solver": "ddim", "sigmas": [14.6, 1.1, 0.0], "eta": [0.5, 0.5], "process": {"name": "ve"}}))
    taken = diffopt.evaluate([4.0, 1.0], file).errors["frechet"]
    assert taken == diffopt.evaluate([4.0, 1.0], [14.6, 1.1, 0.0], "ddim", eta=0.5).errors["frechet"]
    assert taken != diffopt.evaluate([4.0, 1.0], [14.6, 1.1, 0.0], "ddim").errors["frechet"]
