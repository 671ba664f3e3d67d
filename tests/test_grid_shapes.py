"""Grids of another one's shape, and what an error budget of a grid file tries."""

from __future__ import annotations

import json

import numpy as np
import pytest

import diffopt
from diffopt.processes.grid_shapes import refined, stretched


def test_twice_the_steps_between_the_same_levels() -> None:
    """Eq. (442): an even grid stays even; every other of 2 m + 1 places is an old one; pure noise and 0 stay."""
    even = np.append(np.geomspace(80, 0.1, 6), 0.0)
    found = refined(even, 2)
    assert found.size - 1 == 12 and found[-1] == 0
    np.testing.assert_allclose(found[:-1], np.geomspace(80, 0.1, 12), rtol=1e-12)
    bent = np.array([10.0, 6.0, 1.0])
    np.testing.assert_allclose(refined(bent, 2), [10, np.sqrt(60), 6, np.sqrt(6), 1], rtol=1e-12)
    pure = refined(np.array([np.inf, 4.0, 1.0, 0.0]), 2)
    assert pure.size - 1 == 6 and pure[0] == np.inf and np.all(np.diff(pure[1:]) < 0)
    # One level has no shape: no more steps are tried.
    assert "steps" not in diffopt.budget([4.0], grid=[5.0, 0.0], samples=500.0).document["halving"]


def test_half_the_last_level() -> None:
    """Eq. (443): powers of one ratio become powers of another, between the first level and half the last."""
    found = stretched(np.array([16.0, 4.0, 1.0, 0.0]), 0.5)
    np.testing.assert_allclose(found, [16, np.sqrt(8), 0.5, 0], rtol=1e-12)
    assert stretched(np.array([5.0, 0.0]), 0.5).tolist() == [2.5, 0.0]


@pytest.mark.parametrize("name", ["steps", "sigma_min"])
def test_a_budget_of_a_grid_file_tries_its_own_shape(name: str, tmp_path) -> None:
    """As an own budget of the moved grid; the numbers of a file are moved alone, like those of a schedule."""
    eig = [4.0, 1.0, 0.05]
    made = diffopt.optimize(eig, "heun", 6, sigma_min=0.02)
    made.save(tmp_path / "grid.json")
    found = diffopt.budget(eig, grid=tmp_path / "grid.json", samples=500.0)
    halving = found.document["halving"]
    assert set(halving) == {"samples", "steps", "sigma_min"}
    moved = refined(made.sigmas, 2) if name == "steps" else stretched(made.sigmas, 0.5)
    document = {**json.loads((tmp_path / "grid.json").read_text()), "sigmas": moved.tolist()}
    for gone in ("times", "timesteps", "eta", "steps"):
        document.pop(gone)
    (tmp_path / "moved.json").write_text(json.dumps(document))
    again = diffopt.budget(eig, grid=tmp_path / "moved.json", samples=500.0)
    assert halving[name]["total"] == pytest.approx(again.total, rel=1e-9)
    assert halving["steps"]["value"] == 12 and halving["sigma_min"]["value"] == pytest.approx(made.sigmas[-2] / 2)
    assert any("twice the steps (12)" in line for line in found.answers())


def test_an_eta_a_step_goes_with_its_step() -> None:
    made = diffopt.optimize([4.0, 1.0], "euler_maruyama", 4, free="eta_per_step", schedule="karras", end="sigma_min")
    assert diffopt.budget([4.0, 1.0], grid=made, samples=500.0).document["halving"]["steps"]["total"] is not None
