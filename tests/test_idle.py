"""Steps that hardly move the noise level are said, with what the grid has without them."""

from __future__ import annotations

import shlex

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.schedules import SCHEDULES

EIG = 3.0 / np.arange(1, 9) ** 1.5
WIDE = 700 * np.arange(1, 13) ** -2.0
TABLE = {"process": "table", "betas": "scaled_linear:0.00085,0.012,1000", "start": "unit"}


pytestmark = pytest.mark.usefixtures("no_optimum")


def idle(result) -> list[str]:
    return [line for line in result.notes if "hardly move sigma" in line]


#: Levels, those that are left without the idle steps, and how the repeats are told.
GRIDS = {
    "top": ([80.0, 79.9, 5.0, 0.5, 0.0], [80.0, 5.0, 0.5, 0.0], ["2 levels near 80"]),
    "both": ([80.0, 79.99, 5.0, 0.5, 0.4999, 0.4998, 0.0], [80.0, 5.0, 0.5, 0.0], ["2 levels near 80", "3 levels near 0.5"]),
    "end": ([80.0, 5.0, 0.5, 0.02, 0.01999], [80.0, 5.0, 0.5, 0.01999], ["2 levels near 0.02"]),
}  # fmt: skip


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "euler_ancestral"])
@pytest.mark.parametrize("name", GRIDS)
def test_repeats_are_said_with_the_error_of_the_grid_without_them(name: str, solver: str) -> None:
    levels, left, told = GRIDS[name]
    found, without = (diffopt.evaluate(EIG, sigmas=s, solver=solver) for s in (levels, left))
    (line,) = idle(found)
    gone = len(levels) - len(left)
    assert f"{gone} of {len(levels) - 1} steps" in line and f"({', '.join(told)})" in line and "\n" not in line
    assert f"spend {found.document['denoiser_calls'] - without.document['denoiser_calls']} calls" in line
    assert f"steps={len(left) - 1}" in line
    own, other = found.errors["frechet"], without.errors["frechet"]
    assert f"without them frechet is {other:.4g} instead of {own:.4g}" in line
    assert ("is as good" in line) == (other <= 1.02 * own) != ('objective="robust"' in line)


#: What steps linearly in sigma for half of the way, far above where the data are.
SLOW = {"linear_quadratic"}


@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
def test_named_schedules_waste_nothing_at_usual_numbers_of_steps(process: str) -> None:
    for name, rule in SCHEDULES.items():
        if rule.kind not in ("fixed", "table") or name in SLOW:
            continue
        for steps in (8, 20):
            try:
                found = diffopt.evaluate(EIG, schedule=name, solver="euler", steps=steps, process=process)
            except diffopt.DiffoptError:
                continue
            assert not idle(found), name
    slow = [diffopt.evaluate(EIG, schedule=name, solver="euler", steps=20) for name in SLOW]
    assert all(idle(found) for found in slow)


def test_many_short_steps_and_steps_of_churn_are_no_repeats() -> None:
    assert not idle(diffopt.evaluate(EIG, sigmas=[*np.geomspace(80, 0.002, 1500), 0], solver="euler"))
    levels = [80.0, 5.0, 0.5, 0.4999, 0.4998, 0.05, 0.0]
    churn = {name: f"edm_stochastic:s_churn={s},s_tmin=0.1,s_tmax=1" for name, s in (("some", 4), ("none", 0))}
    assert not idle(diffopt.evaluate(EIG, sigmas=levels, solver=churn["some"]))
    assert idle(diffopt.evaluate(EIG, sigmas=levels, solver=churn["none"]))


def test_a_search_that_merges_levels_says_it_in_one_line(tmp_path, capsys) -> None:
    """A start that misses the data, made good by steps whose errors cancel it."""
    np.save(tmp_path / "wide.npy", WIDE)
    flags = f"{tmp_path / 'wide.npy'} -s dpmpp_2m -n 5 --objective frechet --process table --betas {TABLE['betas']} --start unit"
    assert main(["optimize", *shlex.split(flags), "--format", "lines"]) == 0
    said = capsys.readouterr()
    levels = np.array([float(line) for line in said.out.split()])
    repeats = int(np.sum(levels[:-2] / levels[1:-1] < 1.01))
    (line,) = [line for line in said.err.splitlines() if "hardly move sigma" in line]
    assert repeats > 0 and line.startswith(f"note: {repeats} of 5 steps") and "--objective robust" in line
    robust = diffopt.optimize(WIDE, "dpmpp_2m", 5, **TABLE)
    assert not any("--objective robust" in line for line in idle(robust))


def test_a_range_beyond_doubles_ratios_is_measured_in_logarithms() -> None:
    """Levels whose ratio no double holds: nothing overflows, and nothing is idle."""
    assert not [n for n in diffopt.evaluate([4.0, 1.0], sigmas=[80.0, 1e-100, 1e-310], solver="euler").notes if "hardly" in n]
