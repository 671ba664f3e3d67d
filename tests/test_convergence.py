"""Observed orders and coupled paths (theory.md, eqs. 87-89)."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.objectives.frechet import Discretization
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS, run_table
from diffopt.studies.orders import ORDER_METRICS, convergence, with_notes
from diffopt.studies.strong import strong_error

SPECTRUM = Spectrum.create([4.0, 1.5, 0.3])
#: Strong order of schemes with noise on Gaussian data; SRA1's is 2 there, as the drift is linear (1.5 in general).
STRONG = {
    "euler_maruyama": 1, "exponential_integrator": 1, "ddim": 1, "ddpm": 1, "euler_ancestral": 1, "heun_sde": 1,
    "sra1": 2, "randomized_midpoint": 1, "randomized_exponential_midpoint": 1, "local_linearization": 1,
    "local_linearization_time": 1,
}  # fmt: skip
LAW = {"euler": 1, "euler_maruyama": 1, "exponential_integrator": 1, "local_linearization": 1, "heun": 2, "dpmpp_2m": 2,
       "heun_sde": 2, "sra1": 2, "randomized_midpoint": 2, "randomized_exponential_midpoint": 2,
       "local_linearization_time": 2}  # fmt: skip


def problem(name: str, process: str = "ve", clock: str | None = None) -> Problem:
    solver = SOLVERS[name](clock=clock if SOLVERS[name].uses_clock else None)
    return Problem.create(SPECTRUM, PROCESSES[process](), solver, 10, 6.0, 0.2, "sigma_min")


def test_every_scheme_with_declared_paths_is_measured() -> None:
    declared = {name for name, cls in SOLVERS.items() if cls.kernels is not None}
    wrong = f"{sorted(declared ^ set(STRONG))}: a solver that says kernels has its strong order in STRONG here, and no other has"
    assert declared == set(STRONG), wrong


@pytest.mark.parametrize("metric", ["frechet", "weak"])
@pytest.mark.parametrize("name", LAW)
def test_orders_of_the_law(name: str, metric: str) -> None:
    """Eq. (89): 1 for Euler-Maruyama, exponential integrator, frozen Jacobian; 2 for the second-order schemes."""
    row = convergence(
        problem(name), SCHEDULES["karras"](), metric, 0.01, eta=0.8 if SOLVERS[name].eta_meaning else None
    )
    assert row.order == pytest.approx(LAW[name], abs=0.08)
    assert row.low <= row.order <= row.high
    assert LAW[name] == SOLVERS[name].law_order


@pytest.mark.parametrize(("process", "clock"), [("ve", "variance"), ("vp_linear", "time")])
@pytest.mark.parametrize("name", STRONG)
def test_strong_orders_with_stated_confidence(name: str, process: str, clock: str) -> None:
    """Eq. (87): the 95 % interval of the slope is narrow and near the order."""
    row = convergence(
        problem(name, process, clock),
        SCHEDULES["exponential"](),
        "strong",
        0.01,
        eta=0.8,
        steps=(32, 64, 128),
        paths=1000,
    )
    assert row.high - row.low < 0.2
    assert abs(row.order - STRONG[name]) < 0.12


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_exact_solution_has_the_exact_law(eta: float) -> None:
    """Eq. (88): the reference path ends with variance eig + sigma^2, within 5 standard errors."""
    from diffopt.studies.strong import _Path

    solver, grid = SOLVERS["euler_maruyama"](clock="sigma"), Grid.create(PROCESSES["ve"](), [6.0, 2.0, 0.7, 0.2])
    path = _Path(solver, grid, SPECTRUM, eta, np.random.default_rng(0), 40_000)
    state = path.start()
    for k in range(3):
        state = path.advance(k, state)
        for kernel in ("variance", "clock", "clock_slope"):
            assert path.kernel(kernel).var() == pytest.approx(1.0, abs=5 * np.sqrt(2 / 40_000))
    np.testing.assert_allclose(state.var(axis=0), SPECTRUM.eig + 0.04, rtol=5 * np.sqrt(2 / 40_000))


@pytest.mark.parametrize("name", STRONG)
def test_strong_bounds_the_distance_of_the_laws(name: str) -> None:
    """Any coupling is above W2, and both see the same scheme: its variance in the simulation is the predicted one."""
    ask, grid = problem(name, clock="sigma"), Grid.create(PROCESSES["ve"](), np.geomspace(6, 0.2, 9))
    coupled = strong_error(ask.solver, grid, SPECTRUM, 0.8, paths=4000)
    distance = Discretization().value(run_table(ask.solver, grid, 0.8), SPECTRUM, "exact")
    assert coupled.error > distance * 0.97


def test_without_noise_the_strong_error_is_that_of_the_map() -> None:
    grid = Grid.create(PROCESSES["ve"](), np.geomspace(6, 0.2, 9))
    coupled = strong_error(SOLVERS["heun"](), grid, SPECTRUM, 0.0, paths=40_000)
    distance = Discretization().value(run_table(SOLVERS["heun"](), grid), SPECTRUM, "exact")
    assert coupled.error == pytest.approx(distance, rel=0.02)


def test_same_seed_same_number() -> None:
    grid = Grid.create(PROCESSES["ve"](), [3.0, 1.0, 0.4])
    values = [strong_error(SOLVERS["sra1"](), grid, SPECTRUM, 1.0, seed).error for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def test_steps_for_an_accuracy_are_the_first_that_reach_it() -> None:
    row = convergence(problem("heun"), SCHEDULES["karras"](), "frechet", 0.02)
    span = replace(problem("heun").span, end="sigma_min")

    def error(n: int) -> float:
        grid = SCHEDULES["karras"]().grid(replace(span, steps=n))
        return Discretization().value(run_table(SOLVERS["heun"](), grid), SPECTRUM, "exact")

    assert error(row.needed) <= 0.02 < error(row.needed - 1)
    assert row.calls == 2 * row.needed


def test_weak_errors_are_held_to_the_same_share_of_the_squares() -> None:
    """Eq. (395): the first N from which E|z|^2 of a literal Euler run stays within 3 % of the trace."""
    row = convergence(problem("euler"), SCHEDULES["karras"](), "weak", 0.03 * SPECTRUM.trace**0.5)

    def error(n: int) -> float:
        ramp = [6.0 ** (1 / 7) + k / n * (0.2 ** (1 / 7) - 6.0 ** (1 / 7)) for k in range(n + 1)]
        sigmas = [r**7 for r in ramp]
        total = 0.0
        for eig in (4.0, 1.5, 0.3):
            x = (eig + 36.0) ** 0.5
            for a, b in zip(sigmas, sigmas[1:], strict=False):
                x += (b - a) * (x - eig / (eig + a * a) * x) / a
            total += x * x - (eig + 0.04)
        return abs(total)

    goal = 0.03 * (4.0 + 1.5 + 0.3)
    assert row.accuracy == pytest.approx(goal)
    assert error(row.needed - 1) > goal
    assert all(error(n) <= goal for n in range(row.needed, 2 * row.needed))


def test_no_count_of_steps_depends_on_the_units_of_the_data() -> None:
    """Eq. (395): data times 1000 with levels times 1000 take the same steps in every metric, by default and by a share."""
    counts = []
    for unit in (1.0, 1000.0):
        found = diffopt.orders(unit**2 * SPECTRUM.eig, "euler,heun,euler_maruyama", [8, 16, 32], sigma_max=6 * unit,
                               sigma_min=0.2 * unit, paths=200)  # fmt: skip
        assert {row["metric"] for row in found.document["rows"]} == set(ORDER_METRICS)
        counts.append([(row["solver"], row["metric"], row["needed"], row["calls"]) for row in found.document["rows"]])
        for row in found.document["rows"]:
            share = row["accuracy"] / (unit**2 if row["metric"] == "weak" else unit)
            assert share == pytest.approx(0.01 * (5.8 if row["metric"] == "weak" else 5.8**0.5))
    assert counts[0] == counts[1] and len(counts[0]) >= 7


def test_notes_say_where_higher_order_pays_and_where_not() -> None:
    def rows(accuracy: float) -> dict[str, str]:
        found = [convergence(problem(n), SCHEDULES["karras"](), "frechet", accuracy) for n in ("euler", "heun")]
        return {row.solver: row.note for row in with_notes(found)}

    assert rows(0.001)["heun"] == "higher order pays"
    assert "does not pay" in rows(2.0)["heun"]
    weak = [convergence(problem("heun_sde"), SCHEDULES["karras"](), "strong", 0.1, paths=200)]
    assert "strong order 1" in with_notes(weak)[0].note


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"metric": "loud"}, "unknown"),
        ({"accuracy": 0.0}, "positive"),
        ({"steps": (10,)}, "two"),
        ({"steps": (20, 10)}, "two"),
    ],
)
def test_bad_requests_say_so(change: dict, word: str) -> None:
    asked = {"metric": "frechet", "accuracy": 0.1, **change}
    with pytest.raises(InputError, match=word):
        convergence(problem("euler"), SCHEDULES["karras"](), **asked)


def test_strong_needs_declared_paths() -> None:
    with pytest.raises(UnsupportedError, match="Wiener"):
        convergence(problem("dpmpp_sde"), SCHEDULES["karras"](), "strong", 0.1)
    with pytest.raises(UnsupportedError, match="memory"):
        convergence(problem("dpmpp_2m"), SCHEDULES["karras"](), "strong", 0.1)


@pytest.mark.parametrize("form", ["json", "csv", "markdown", "table"])
def test_convergence_command(form: str, tmp_path, capsys) -> None:
    np.save(tmp_path / "e.npy", SPECTRUM.eig)
    flags = ["convergence", str(tmp_path / "e.npy"), "-s", "euler,heun_sde", "--sigma-max", "6", "--sigma-min", "0.2",
             "--steps", "8,16,32", "--paths", "200", "--format", form, "-q"]  # fmt: skip
    pictures = ["--plot", str(tmp_path / "c.svg"), "--error-map", str(tmp_path / "m.png")]
    assert main([*flags, *(pictures if form == "json" else ())]) == 0
    text = capsys.readouterr().out
    assert "heun_sde" in text
    if form == "json":
        data = json.loads(text)
        assert data["schema"] == "diffopt.convergence/1"
        assert {row["metric"] for row in data["rows"]} == set(ORDER_METRICS)
        assert (tmp_path / "c.svg").stat().st_size > 1000
        assert (tmp_path / "m.png").stat().st_size > 1000


@pytest.mark.parametrize("form", ["json", "csv", "markdown", "table"])
def test_eta_command(form: str, tmp_path, capsys) -> None:
    np.save(tmp_path / "e.npy", SPECTRUM.eig)
    flags = ["eta", str(tmp_path / "e.npy"), "-s", "ddim", "-n", "4", "--design", "none,constant",
             "--score-error", "noise:0.05", "--start", "sigma", "--format", form, "-q"]  # fmt: skip
    assert main(flags) == 0
    text = capsys.readouterr().out
    assert "constant" in text
    if form == "json":
        rows = json.loads(text)["rows"]
        assert len(rows[0]["eta"]) == 4
        assert rows[1]["exact"] <= rows[0]["exact"] + 1e-12


@pytest.mark.parametrize(
    "flags",
    [["convergence", "-s", "nope"], ["convergence", "--steps", "a"], ["convergence", "--metric", "x"],
     ["eta", "-s", "euler"], ["eta", "--design", "x"], ["eta", "--score-error", "x"], ["eta", "--clock", "x"],
     ["convergence", "--format", "lines", "-s", "euler", "--steps", "4,8", "--metric", "weak"]],
)  # fmt: skip
def test_bad_flags_are_one_line_and_exit_code_2(flags: list[str], tmp_path, capsys) -> None:
    np.save(tmp_path / "e.npy", SPECTRUM.eig)
    assert main([flags[0], str(tmp_path / "e.npy"), *flags[1:]]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("error: ")


def test_where_nothing_can_be_measured_the_reason_is_said() -> None:
    """A rule that needs a finite range names it, whatever the solvers."""
    with pytest.raises(InputError, match=r"measured: euler, frechet: schedule 'karras' needs a finite sigma-max"):
        diffopt.orders([1.0, 0.1], "euler,heun", process="flow", metric="frechet")
