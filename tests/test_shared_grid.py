"""`--free shared`: one grid for a solver and for Euler."""

from __future__ import annotations

import json

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.data.spectrum import Spectrum
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.search.compromise import compromise
from diffopt.search.descent import optimize
from diffopt.search.result import OptimizeResult
from diffopt.search.starts import BASELINES, applicable
from diffopt.simulation.gaussian import Gaussian
from diffopt.solvers import SOLVERS

EIG = 20.0 * np.arange(1, 25.0) ** -1.5


@pytest.mark.parametrize("solver", ["dpmpp_2m", "ipndm", "heun"])
@pytest.mark.parametrize("process", ["ve", "flow"])
def test_the_grid_is_the_geometric_mean_of_two(solver, process):
    """Eq. (270)."""
    shared, own, euler = (
        diffopt.optimize(EIG, solver=s, steps=5, process=process, **flags).sigmas
        for s, flags in ((solver, {"free": "shared"}), (solver, {"grid_of": "own"}), ("euler", {}))
    )
    np.testing.assert_allclose(shared[1:-1], np.sqrt(own[1:-1] * euler[1:-1]), rtol=1e-12)
    assert (shared[0], shared[-1]) == (own[0], own[-1])


def test_euler_shares_with_itself():
    np.testing.assert_allclose(
        diffopt.optimize(EIG, steps=6, free="shared").sigmas, diffopt.optimize(EIG, steps=6).sigmas, rtol=1e-12
    )


def test_the_document_says_what_was_done():
    result = diffopt.optimize(EIG, solver="dpmpp_2m", steps=4, free="shared", objective="frechet")
    optimizer = result.document["optimizer"]
    assert optimizer["free"] == ["shared"]
    assert optimizer["message"].startswith("geometric mean of the grids of dpmpp_2m and euler; ")
    assert result.document["objective"]["value"] == pytest.approx(result.errors["frechet"], rel=1e-2)
    alone = diffopt.optimize(EIG, solver="dpmpp_2m", steps=4, objective="frechet").errors["frechet"]
    assert result.errors["frechet"] >= alone


def test_options_and_noise_of_the_solver_are_kept():
    own = diffopt.optimize(EIG, solver="ddim", steps=4, eta=0.7, free="grid").sigmas
    result = diffopt.optimize(EIG, solver="ddim", steps=4, eta=0.7, free="shared")
    np.testing.assert_allclose(result.sigmas[1:-1] ** 2, (own * diffopt.optimize(EIG, steps=4).sigmas)[1:-1], rtol=1e-12)
    assert result.eta.tolist() == [0.7] * 3 + [0.0] or result.eta.tolist() == [0.7] * 4


def test_one_step_has_nothing_to_share():
    assert diffopt.optimize(EIG, solver="dpmpp_2m", steps=1, free="shared").sigmas.tolist() == [80.0, 0.0]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--free", "shared,eta", "-s", "ddim"], "--free shared, or --free eta"),
        (["--free", "shared", "-s", "fitted_2"], "already; use --free grid"),
        (["--free", "shared", "--schedule", "karras"], "has no effect where the grid is free"),
        (["--free", "family,grid", "--schedule", "karras"], "leave out the grid (--free family or eta alone) or --schedule"),
        (["--free", "share"], "did you mean 'shared'"),
    ],
)
def test_what_cannot_be_shared_is_one_line(capsys, tmp_path, argv, words):
    np.save(tmp_path / "eig.npy", EIG)
    assert main(["optimize", str(tmp_path / "eig.npy"), "-n", "4", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err.splitlines()[-1]


def test_the_command_writes_it(capsys, tmp_path):
    np.save(tmp_path / "eig.npy", EIG)
    argv = ["optimize", str(tmp_path / "eig.npy"), "-s", "dpmpp_2m", "-n", "4", "--free", "shared", "-q", "--format", "json"]
    assert main(argv) == 0
    expected = diffopt.optimize(EIG, solver="dpmpp_2m", steps=4, free="shared").sigmas
    np.testing.assert_allclose(json.loads(capsys.readouterr().out)["sigmas"], expected, rtol=1e-12)


def test_it_is_dearer_on_gaussian_data():
    """There the solver's own grid is the optimum of what is measured, up to the ensemble: the shared one pays in rmse."""
    grids = [diffopt.optimize(EIG, solver="dpmpp_2m", steps=8, free=free).sigmas for free in ("grid", "shared")]
    document = diffopt.simulate(Gaussian.create(EIG), grids, "dpmpp_2m", count=64, reference_steps=60).document
    own, shared = (row["limit"]["rmse"]["value"] for row in document["rows"])
    assert own < shared


@pytest.mark.parametrize(("behind", "searches"), [(1 + 5e-4, 1), (1 + 1e-12, 0), (0.9, 0)])
def test_a_mean_behind_a_schedule_by_more_than_rounding_goes_on(behind: float, searches: int) -> None:
    """The solver's own optimum is asked for where a schedule beside the result is better, be it by a twentieth of a percent."""
    problem = Problem.create(Spectrum.create(EIG), VE(), SOLVERS["dpmpp_2m"](), 4, 80.0, 0.002)
    found = optimize(problem, OBJECTIVES["robust"](), grid_of=())
    beside = [grid.sigmas for grid in applicable(problem, BASELINES).values()]
    asked = []

    def own() -> OptimizeResult:
        asked.append(1)
        return found

    def score(grid: Grid) -> float:
        return 1.0 if any(np.array_equal(grid.sigmas, other) for other in beside) else behind

    compromise(problem, (problem.solver,), lambda _: found, score, np.zeros(4), own)
    assert len(asked) == searches
