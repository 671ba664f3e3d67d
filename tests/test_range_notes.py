"""Notes on a range of noise that does not fit the data, and advice that can be followed."""

from __future__ import annotations

import numpy as np
import pytest

import diffopt

#: Standard deviations 8, 3 and 2: of the variance 77, 13 is below 5.
EIG = [64.0, 9.0, 4.0]


def lines(found, part: str) -> list[str]:
    return [line for line in found.notes if part in line]


@pytest.mark.parametrize("verb", ["optimize", "evaluate"])
def test_variance_below_sigma_min_is_a_share(verb):
    flags = {} if verb == "optimize" else {"schedule": "karras"}
    ask = getattr(diffopt, verb)
    found = lines(ask(EIG, solver="euler", steps=4, sigma_min=5.0, **flags), "below sigma_min 5")
    assert len(found) == 1
    assert f"{100 * 13 / 77:.3g} % of the data's variance" in found[0]
    assert "lower --sigma-min" in found[0]
    assert not lines(ask(EIG, solver="euler", steps=4, sigma_min=1.0, **flags), "below sigma_min")


def test_a_listed_grid_is_not_told_to_take_a_flag_that_it_refuses():
    (line,) = lines(diffopt.evaluate(EIG, sigmas=[80.0, 20.0, 5.0]), "below sigma_min 5")
    assert "the grid ends before they are made" in line
    assert "end the grid lower" in line
    assert "--sigma-min" not in line
    (line,) = lines(diffopt.evaluate(EIG, sigmas=[6.0, 2.0, 0.1, 0.0]), "above sigma_max")
    assert "begin the grid higher" in line
    assert "--sigma-max" not in line


def table(tmp_path) -> dict[str, str]:
    np.savetxt(tmp_path / "betas.txt", np.linspace(1e-4, 2e-3, 50))
    return {"process": "table", "betas": str(tmp_path / "betas.txt")}


def test_a_table_is_not_told_to_go_beyond_its_end(tmp_path):
    found = diffopt.evaluate(EIG, schedule="uniform_t", solver="euler", steps=40, start="sigma", **table(tmp_path))
    (line,) = lines(found, "above sigma_max")
    assert "scale the data" not in line and "no grid mends it" in line
    (split,) = [line for line in found.answers() if "start dominates" in line]
    assert "larger sigma_max" not in split
    assert "the process goes no higher" in split


def test_where_the_top_can_be_raised_it_is_advised():
    grid = [*np.geomspace(1.0, 0.01, 60), 0.0]
    assert "a larger sigma_max helps" in diffopt.evaluate(EIG, sigmas=grid, solver="heun", start="sigma").answers()[0]
