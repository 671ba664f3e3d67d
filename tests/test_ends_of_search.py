"""What ends at the end of what was searched is named, with what to try, and nothing is to be kept for it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.report import answers
from diffopt.report.family import found_numbers
from diffopt.schedules import SCHEDULES
from diffopt.search.family import FamilyBlock
from diffopt.search.variables import GridBlock, touches
from diffopt.solvers import SOLVERS

EIG = np.array([9.0, 1.0, 0.04])
LOW, STEPS = 0.01, 6


def heun(rho: float, low: float, high: float) -> float:
    """Frechet distance of EDM's loop without churn from N(0, high^2), one variance a direction."""
    ramp = np.append(np.linspace(high ** (1 / rho), low ** (1 / rho), STEPS) ** rho, 0.0)
    factor = np.ones(EIG.size)
    for now, then in itertools.pairwise(ramp):
        slope = now / (EIG + now**2)
        step = 1 + (then - now) * slope
        if then > 0:
            step = 1 + (then - now) * (slope + then / (EIG + then**2) * step) / 2
        factor = factor * step
    return float(np.sqrt(np.sum((np.abs(factor) * high - np.sqrt(EIG)) ** 2)))


def searched(high: float) -> Any:
    return diffopt.optimize(
        EIG, "heun", STEPS, free="family", schedule="karras", start="sigma", sigma_max=high, sigma_min=LOW, objective="frechet"
    )


def test_a_sigma_max_that_would_go_on_is_named_with_the_flag_to_try() -> None:
    """The literal loop is better from twice the level; the search was not allowed there, and nothing is to be kept for it."""
    found = searched(4.0)
    value = found.document["objective"]["value"]
    assert min(heun(rho, low, 8.0) for rho in np.geomspace(1.2, 40, 30) for low in np.geomspace(LOW, 2, 40)) < 0.5 * value
    held = found.document["optimizer"]["at_bound"]
    assert held == ["rho 1000", "sigma_min 0.01", "sigma_max 4"]
    assert found.document["optimizer"]["message"].endswith(f"at the bound of the search: {', '.join(held)}")
    told = " ".join(found.answers())
    assert f"At the end of what was searched: {', '.join(held)}." in told
    needed = found.document["sigma_max_needed"]
    assert needed >= 8 and "keep it" not in told
    assert f"try --sigma-max {needed:g} if the network was trained there: the start's error in frechet is then" in told


def test_a_sigma_max_inside_is_not_named() -> None:
    """Where a larger level is worse in the literal loop, the optimum lies inside what was searched."""
    found = searched(3000.0)
    numbers = found.document["optimizer"]["family"]
    here = heun(numbers["rho"], numbers["sigma_min"], numbers["sigma_max"])
    assert here == pytest.approx(found.document["objective"]["value"], rel=1e-9)
    assert here < heun(numbers["rho"], numbers["sigma_min"], 1.05 * numbers["sigma_max"])
    assert found.document["optimizer"]["at_bound"] == []
    assert "end of what was searched" not in " ".join(found.answers())


def test_a_habit_near_an_optimum_at_a_bound_is_not_to_be_kept() -> None:
    data = {"objective": {"name": "robust", "value": 1.0}, "baselines": {"karras": {"robust": 1.01}}}
    assert "keep it." in answers.optimized(data)
    held = answers.optimized({**data, "optimizer": {"at_bound": ["sigma_max 80"]}})
    assert "within 2 %" in held and "before you keep it" in held and "the optimum" not in held


@pytest.mark.parametrize("share", [0.0, 1e-12, 1e-7])
def test_a_bound_counts_as_met_to_a_share_of_what_is_searched(share: float) -> None:
    """The search may stop short of it: an S_noise of 0.95 (1 + 1e-11) is at the end of 0.95 to 1.05."""
    problem = Problem.create(diffopt.read_spectrum(EIG).spectrum, VE(), SOLVERS["edm_stochastic"](), STEPS, 80.0, LOW, "zero")
    block = FamilyBlock(problem, SCHEDULES["karras"](), move_grid=True)
    x, inside = np.zeros(len(block.bounds)), np.zeros(len(block.bounds))
    for i, (low, high) in enumerate(block.bounds):
        x[i] = low + share * (high - low)
        inside[i] = (low + high) / 2
    names = {knob.name for knob in block.knobs}
    churn = {knob.name for knob in block.knobs if knob.owner == "solver"}
    held = [k.name == "s_churn" for k in block.knobs].index(True)
    # No churn is no end of a search, and without churn its noise has no effect.
    assert {one.split()[0] for one in block.at_bound(x)} == names - churn
    x[held] = inside[held]
    assert {one.split()[0] for one in block.at_bound(x)} == names - {"s_churn"}
    assert block.at_bound(inside) == []
    assert touches(5 - 10 * share, -5.0, 5.0) and not touches(5 - 10 * 1e-5, -5.0, 5.0)


def test_ends_of_a_free_grid_are_named_too() -> None:
    """A first level that is free, and a last one that wants to go below the range."""
    short: dict[str, Any] = {"start": "sigma", "sigma_max": 6.0, "sigma_min": 0.2}
    found = diffopt.optimize([9.0, 1.0, 0.01], "heun", 5, free="grid,sigma_max", **short)
    assert found.document["optimizer"]["at_bound"] == ["sigma_min 0.2", "sigma_max 6"]
    told = " ".join(found.answers())
    needed = found.document["sigma_max_needed"]
    assert f"try --sigma-max {needed:g}" in told and "try --sigma-min 0.1" in told
    problem = Problem.create(diffopt.read_spectrum([9.0, 0.01]).spectrum, VE(), SOLVERS["heun"](), 4, 80.0, LOW, "sigma_min")
    merged = GridBlock(problem).at_bound(np.array([0.0, 0.0, 0.0, -12.0]))
    assert merged == ["the least distance of points 3 and 4"]


@pytest.mark.parametrize(
    ("held", "process", "said"),
    [
        ("s_noise 0.95", "ve", "only values within 5 % of 1"),
        ("s_churn 7.45584", "ve", "clips more"),
        ("sigma_min 0.002", "ve", "try --sigma-min 0.001 if the network was trained there; stop where that gains less than 1 %."),
        ("sigma_max 80", "vp_linear", "try --sigma-max 160 if your model has such levels"),
        ("eta 4", "ve", "no larger one than 4"),
    ],
)
def test_each_bound_has_its_advice(held: str, process: str, said: str) -> None:
    data = {"process": {"name": process, "sigma_max": 80.0, "sigma_min": 0.002}, "optimizer": {"at_bound": [held]}}
    assert any(said in line for line in found_numbers(data))


@pytest.mark.parametrize("free", ["grid,eta", "grid,eta_per_step"])
def test_no_noise_is_no_bound(free: str) -> None:
    """An eta that ends at nothing ended nowhere that a wider search would pass."""
    found = diffopt.optimize(EIG, "ddim", 4, free=free)
    assert max(found.eta) < 1e-3
    assert not found.document["optimizer"]["at_bound"]


def test_no_level_beyond_a_trained_table_is_advised():
    """Its end is the model's: what lies beyond is refused."""
    table = {"process": "table", "betas": "sd"}
    lowest = diffopt.evaluate([4.0, 1.0], schedule="karras", steps=3, **table).document["process"]["sigma_min"]
    told = " ".join(diffopt.optimize([4.0, 1.0, 1e-4], solver="heun", steps=20, **table).answers())
    assert f"At the end of what was searched: sigma_min {lowest:g}." in told
    assert "a trained table ends where the model does" in told
    assert "--sigma-min" not in told and "--sigma-max" not in told
    with pytest.raises(diffopt.InputError):
        diffopt.optimize([4.0, 1.0], steps=6, sigma_min=lowest / 2, **table)
