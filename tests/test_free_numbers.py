"""Single numbers that are free (`--free rho`), against a minimizer over the literal loop, and how they are named and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

import diffopt
from diffopt.cli.main import main
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.schedules import SCHEDULES
from diffopt.search.blocks import canonical, check_free
from diffopt.search.knobs import SHARED, Family
from diffopt.search.variables import FREE
from diffopt.solvers import SOLVERS

EIG = np.array([9.0, 1.0, 0.04])
HIGH, LOW, STEPS = 40.0, 0.01, 5


def output(
    sigmas: np.ndarray, start: np.ndarray, second: bool, churn: float = 0.0,
    tmin: float = 0.0, tmax: float = np.inf, wrong: float = 0.0,
) -> float:  # fmt: skip
    """Frechet distance of the output of Heun's (or Euler's) loop with EDM's churn, one variance a direction.

    The score is too long by the share `wrong`.
    """
    variance, steps = start.copy(), len(sigmas) - 1
    for now, then in zip(sigmas[:-1], sigmas[1:], strict=True):
        gamma = min(churn / steps, np.sqrt(2) - 1) if tmin <= now <= tmax else 0.0
        hat = now * (1 + gamma)
        variance = variance + hat**2 - now**2
        slope = (1 + wrong) * hat / (EIG + hat**2)  # (x - D(x))/sigma = sigma/(eig + sigma^2) x
        factor = 1 + (then - hat) * slope
        if second and then > 0:
            factor = 1 + (then - hat) * (slope + (1 + wrong) * then / (EIG + then**2) * factor) / 2
        variance = factor**2 * variance
    return float(np.sqrt(np.sum((np.sqrt(variance) - np.sqrt(EIG)) ** 2)))


def karras(rho: float, low: float = LOW, high: float = HIGH) -> np.ndarray:
    ramp = np.linspace(high ** (1 / rho), low ** (1 / rho), STEPS)
    return np.append(ramp**rho, 0.0)


def exponential(low: float) -> np.ndarray:
    return np.append(np.geomspace(HIGH, low, STEPS), 0.0)


def shifted(shift: float) -> np.ndarray:
    ends = [s / (shift + s) for s in (HIGH, LOW)]
    t = np.linspace(*ends, STEPS)
    return np.append(shift * t / (1 - t), 0.0)


def exact(sigmas: np.ndarray) -> np.ndarray:
    return EIG + sigmas[0] ** 2


def host(sigmas: np.ndarray) -> np.ndarray:
    return np.full_like(EIG, sigmas[0] ** 2)


def lowest(error: Callable[[float], float], low: float, high: float) -> float:
    """Least value over the logarithm of one number: a fine scan, then Brent's method around its best."""
    logs = np.linspace(np.log(low), np.log(high), 400)
    best = int(np.argmin([error(float(np.exp(x))) for x in logs]))
    around = (logs[max(best - 1, 0)], logs[min(best + 1, 399)])
    near = minimize_scalar(lambda x: error(float(np.exp(x))), bounds=around, method="bounded").fun
    return float(min(near, error(float(np.exp(logs[best])))))


#: Name, its other settings, the error of a value by the loop, and the range.
ALONE: dict[str, tuple[dict[str, Any], Callable[[float], float], float, float]] = {
    "rho": ({"schedule": "karras", "solver": "heun"}, lambda v: output(karras(v), exact(karras(v)), True), 1.0, 200.0),
    "sigma_min": (
        {"schedule": "exponential", "solver": "euler"},
        lambda v: output(exponential(v), exact(exponential(v)), False), LOW, 19.0,
    ),
    "sigma_max": (
        {"schedule": "karras", "solver": "heun", "start": "sigma"},
        lambda v: output(karras(7, high=v), host(karras(7, high=v)), True), 0.1, HIGH,
    ),
    "shift": ({"schedule": "flow_shift", "solver": "euler"}, lambda v: output(shifted(v), exact(shifted(v)), False), 0.02, 500.0),
    "S_churn": (
        {"schedule": "karras:rho=12", "solver": "edm_stochastic", "start": "sigma", "score_error": "-0.1"},
        lambda v: output(karras(12), host(karras(12)), True, v, wrong=-0.1), 1e-6, 0.41421356 * STEPS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_one_free_number_reaches_the_least_value_of_the_loop(name: str) -> None:
    """Nothing else moves, the value is the loop's, and no other value of the number is better."""
    given, error, low, high = ALONE[name]
    found = diffopt.optimize(EIG, steps=STEPS, free=name, objective="frechet", sigma_max=HIGH, sigma_min=LOW, **given)
    family = found.document["optimizer"]["family"]
    assert list(family) == [name.lower()]
    reached = found.errors["frechet"]
    assert reached is not None
    assert reached == pytest.approx(error(max(family[name.lower()], 1e-300)), rel=1e-9)
    assert reached <= lowest(error, low, high) * (1 + (1e-3 if name == "S_churn" else 1e-7))


def test_s_churn_pays_where_the_loop_says_so() -> None:
    """The case above is no case of churn 0."""
    found = diffopt.optimize(
        EIG, steps=STEPS, free="s_churn", objective="frechet", sigma_max=HIGH, sigma_min=LOW, **ALONE["S_churn"][0]
    )
    error = ALONE["S_churn"][1]
    assert found.document["optimizer"]["family"]["s_churn"] > 0.01
    assert found.errors["frechet"] < 0.99 * error(0.0)


@pytest.mark.parametrize("name", ["s_tmin", "s_tmax"])
def test_one_side_of_the_window_is_the_best_of_all_steps(name: str) -> None:
    """The other side and the churn stay as they were given; every window that begins (ends) at a step, by the loop."""
    other = {"s_tmin": "s_tmax", "s_tmax": "s_tmin"}[name]
    given = {"s_churn": 0.6, other: 10.0 if other == "s_tmax" else 0.02}
    found = diffopt.optimize(
        EIG, "edm_stochastic", STEPS, free=name, schedule="karras:rho=3", objective="frechet", sigma_max=HIGH, sigma_min=LOW,
        start="sigma", **given,
    )  # fmt: skip
    options = found.document["solver_options"]
    assert {k: options[k] for k in given} == given
    levels = karras(3)
    between = [v for v in np.sqrt(levels[:-2] * levels[1:-1]) if (v < 10 if name == "s_tmin" else v > 0.02)]
    between += {"s_tmin": [0.0, 9.9], "s_tmax": [np.inf, 0.021]}[name]
    sides = {"s_tmin": "tmin", "s_tmax": "tmax"}
    values = [output(levels, host(levels), True, 0.6, **{sides[name]: v, sides[other]: given[other]}) for v in between]
    assert found.errors["frechet"] == pytest.approx(min(values), rel=1e-9)
    assert len(set(values)) > 2


def test_a_free_grid_with_a_free_first_level_reaches_the_loops_optimum() -> None:
    """All levels of Euler's grid by Nelder and Mead from several places, none better; the first level has moved."""
    found = diffopt.optimize(
        EIG, "euler", 3, free="grid,sigma_max", start="sigma", objective="frechet", sigma_max=HIGH, sigma_min=LOW
    )

    def error(logs: np.ndarray) -> float:
        levels = np.append(np.exp(logs), 0.0)
        inside = np.all(levels[:-1] > levels[1:]) and levels[0] <= HIGH and levels[-2] >= LOW
        return output(levels, host(levels), False) if inside else 1e3

    starts = [np.log(np.geomspace(top, low, 3)) for top in (40, 10, 4) for low in (0.05, 0.5)]
    exact = {"xatol": 1e-7, "fatol": 1e-12, "maxiter": 4000}
    best = min(minimize(error, x, method="Nelder-Mead", options=exact).fun for x in starts)
    assert found.errors["frechet"] <= best * (1 + 1e-7)
    family = found.document["optimizer"]["family"]
    assert family == {"sigma_max": found.sigmas[0]}
    assert family["sigma_max"] < 0.9 * HIGH


def test_sigma_min_beside_whole_timesteps_is_the_last_of_them() -> None:
    found = diffopt.optimize(EIG, "heun", 3, free="grid,sigma_min", process="flow", timesteps="integer").document
    assert found["optimizer"]["family"] == {"sigma_min": found["sigmas"][-2]}
    assert float(found["timesteps"][2]).is_integer()


def test_sigma_min_beside_a_free_grid_is_its_last_level() -> None:
    both = diffopt.optimize(EIG, "heun", 4, free="grid,sigma_min").document
    alone = diffopt.optimize(EIG, "heun", 4).document
    assert both["sigmas"] == alone["sigmas"]
    assert both["optimizer"]["family"] == {"sigma_min": both["sigmas"][-2]}


@pytest.mark.parametrize("name", [n for n in SCHEDULES if not SCHEDULES[n].slow])
def test_a_schedule_frees_its_own_numbers_and_the_ends_that_it_reads(name: str) -> None:
    """Under `family`, with a start that has a mismatch; an end that moves no level is not offered."""
    rule = SCHEDULES[name]()
    problem = Problem.create(Spectrum.create(EIG), PROCESSES["ve"](), SOLVERS["heun"](), 6, HIGH, LOW, "zero", "sigma")
    middle, span = np.sqrt(HIGH * LOW), problem.compressed().span
    moved = {end: rule.levels(type(span)(**{**vars(span), end: middle})) for end in ("sigma_min", "sigma_max")}
    reads = {end for end, levels in moved.items() if not np.allclose(levels[1:], rule.levels(span)[1:], rtol=1e-9, atol=0)}
    assert {knob.name for knob in Family.create(problem, rule, True, None).knobs} == {*rule.family, *reads}


@pytest.mark.parametrize(
    ("schedule", "free"),
    [("exponential", "family"), ("cosine", "sigma_min"), ("beta", "a,b"), ("klub", "sigma_min"), ("karras", "family")],
)
def test_free_numbers_are_never_worse_than_the_schedule(schedule: str, free: str) -> None:
    plain = diffopt.evaluate(EIG, schedule=schedule, solver="euler", steps=4).errors["robust"]
    found = diffopt.optimize(EIG, "euler", 4, free=free, schedule=schedule)
    assert plain is not None
    assert found.document["objective"]["value"] <= plain * (1 + 1e-12)
    assert any(line.startswith("Free parameters: ") for line in found.answers())


#: What is refused, with what the line must name.
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("s_churn", {}, "solver 'heun' has no churn; use solver=\"edm_stochastic\"; free here: rho, sigma_min"),
    ("sigma_max", {}, 'start="sigma"; free here: rho, sigma_min'),
    ("sigma_min", {"end": "sigma_min"}, 'use end="zero"'),
    ("sigma_min", {"sigma_min": 0, "process": "flow", "schedule": "flow_shift"}, "give sigma_min"),
    ("beta_min", {}, "process 've' has no beta_min; use process=\"vp_linear\""),
    ("shift", {}, "schedule 'karras' has no shift to free, it has rho; shift is of schedule=\"flow_shift\""),
    ("rho", {"schedule": "exponential"}, "schedule 'exponential' has no rho to free.*of schedule=\"karras\", polyexponential"),
    ("sigma_min", {"schedule": "linear_quadratic"}, "does not read sigma_min here"),
    ("grid,rho", {}, "a free grid follows no schedule"),
    ("grid,sigma_max", {}, 'give the start of your program, start="sigma"'),
    ("grid,sigma_min", {"end": "sigma_min"}, 'use end="zero"'),
    ("rhoo", {}, "did you mean 'rho'"),
    ("s_noise", {"solver": "edm_stochastic", "s_churn": 0}, "no effect while s_churn is 0; free s_churn too"),
    ("shared,rho", {}, "a shared grid is free alone"),
    ("rho", {"steps": 20000}, "use at most 5000"),
    (
        "grid,sigma_max", {"process": "flow", "sigma_max": 50, "timesteps": "integer", "start": "sigma"},
        'use free="grid", or timesteps="any"',
    ),
    ("family", {"schedule": "klub"}, 'name the end: free="sigma_min"'),
]


@pytest.mark.parametrize(("free", "given", "said"), REFUSED)
def test_what_makes_no_sense_is_refused_in_a_line(free: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        diffopt.optimize(EIG, **{"solver": "heun", "steps": 4, "free": free, **given})
    assert "\n" not in str(caught.value)


def test_every_name_is_known() -> None:
    for name in (*FREE, *SHARED):
        check_free([name], SCHEDULES["karras"]())
    for rule in (SCHEDULES[n] for n in SCHEDULES):
        check_free(list(rule.family) or ["grid"], rule())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    monkeypatch.chdir(tmp_path)
    np.save("e.npy", EIG)

    def go(*words: str) -> dict[str, Any]:
        assert main(["optimize", "e.npy", "-q", *words]) == 0, capsys.readouterr().err
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return go


CHURN = ["-s", "edm_stochastic", "-n", "2", "--schedule", "karras:rho=5", "--score-error", "data:0.05", "--start", "sigma"]


def test_a_name_is_one_name_however_it_is_given(run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, TOML as a list and as a text, environment and Python; EDM's spelling and hyphens."""
    words = ["-s", "heun", "-n", "2", "--schedule", "karras"]
    flags = run(*words, "--free", "Rho,sigma-min")
    assert flags["optimizer"]["free"] == ["rho", "sigma_min"]
    assert canonical(["S_churn", "S_min", "S_max", "s_tmax", "S_tmin"]) == ["s_churn", "s_tmin", "s_tmax"]
    for i, text in enumerate(('free = ["rho", "sigma_min"]\n', 'free = "rho,sigma_min"\n')):
        Path(f"{i}.toml").write_text(text)
        assert run(*words, "--config", f"{i}.toml") == flags
    monkeypatch.setenv("DIFFOPT_FREE", "rho,sigma_min")
    assert run(*words) == flags
    python = diffopt.optimize("e.npy", "heun", 2, schedule="karras", free=["rho", "sigma_min"])
    assert json.loads(json.dumps(python.document)) == flags


@pytest.mark.parametrize("free", ["sigma_min", "rho,s_noise", "s_churn,s_tmin"])
def test_a_document_says_all_that_a_search_for_numbers_depends_on(free: str, run: Callable[..., dict[str, Any]]) -> None:
    """Computed again from itself: fixed numbers as they stand, free ones from where they began."""
    first = run(*CHURN, "--free", free, "--s-churn", "0.5")
    optimizer = first["optimizer"]
    options = {k: v for k, v in first["solver_options"].items() if k not in optimizer["family"]}
    options |= {k: v for k, v in optimizer["family_start"].items() if k in ("s_churn", "s_noise", "s_tmin", "s_tmax")}
    rule = ",".join(f"{k}={v!r}" for k, v in optimizer["schedule_options"].items())
    again = run(
        "-s", "edm_stochastic:" + ",".join(f"{k}={v!r}" for k, v in options.items()), "-n", str(first["steps"]),
        "--schedule", f"{optimizer['schedule']}:{rule}", "--free", ",".join(optimizer["free"]),
        "--score-error", first["score_error"], "--start", first["start"], "--end", first["end"],
        "--sigma-max", repr(first["process"]["sigma_max"]), "--sigma-min", repr(first["process"]["sigma_min"]),
    )  # fmt: skip
    assert again == first


def test_flags_of_edm_hold_the_numbers_that_were_fixed(run: Callable[..., dict[str, Any]]) -> None:
    from diffopt.report.family import edm_flags

    flags = edm_flags(run(*CHURN, "--free", "sigma_min", "--s-churn", "0.5"))
    assert flags.endswith("--rho=5 --S_churn=0.5 --S_min=0 --S_max=inf --S_noise=1")


@pytest.mark.parametrize(("mean", "said"), [(None, True), ([0.5, 0.0, 0.0], False)])
def test_a_free_sigma_max_says_that_no_mean_was_counted(mean: list[float] | None, said: bool) -> None:
    """The start is around 0; a mean that is known is part of the error."""
    spectrum = Spectrum.create(EIG, mean=mean)
    found = diffopt.optimize(spectrum, "heun", 3, free="sigma_max", schedule="karras", start="sigma")
    assert any("no mean" in note for note in found.notes) == said


@pytest.mark.parametrize("start", ["sigma", "exact"])
@pytest.mark.parametrize("mean", [None, [0.5, 0.0, 0.0]])
def test_a_churn_that_repairs_the_start_says_that_no_mean_was_counted(mean: list[float] | None, start: str) -> None:
    """Where it is the start that churn repairs, and the data's mean is not known."""
    asked: dict[str, Any] = {"free": "rho,sigma_min,s_churn", "schedule": "karras", "sigma_max": 4.0, "sigma_min": 0.05}
    found = diffopt.optimize(Spectrum.create(EIG, mean=mean), "edm_stochastic", 5, start=start, **asked)
    repairs = (found.document["optimizer"]["churn"] or {}).get("repairs")
    assert (repairs == "start") == (start == "sigma")
    told = [note for note in found.notes if "churn repairs the start and the spectrum has no mean: what a start around 0" in note]
    assert len(told) == (mean is None and start == "sigma")


def test_a_window_without_a_step_says_that_churn_does_not_pay() -> None:
    """Churn that is given and harms: the free end of its window leaves no step."""
    found = diffopt.optimize(
        EIG, "edm_stochastic", 3, free="s_tmin", schedule="karras", objective="frechet", sigma_max=HIGH, sigma_min=LOW,
        s_churn=1.0,
    )  # fmt: skip
    assert found.document["optimizer"]["family"]["s_tmin"] > HIGH
    assert any("churn does not pay" in line for line in found.answers())
    levels = karras_of(found.sigmas)
    assert found.errors["frechet"] == pytest.approx(output(levels, exact(levels), True), rel=1e-9)


def karras_of(sigmas: np.ndarray) -> np.ndarray:
    """Karras on the same range, three steps."""
    return np.append(np.linspace(HIGH ** (1 / 7), LOW ** (1 / 7), 3) ** 7, sigmas[-1])


@pytest.mark.usefixtures("no_optimum")
@pytest.mark.parametrize("name", ["oss", "gits_l2"])
def test_a_rule_whose_levels_jump_with_its_range_is_scanned(name: str) -> None:
    """No coarse look by the rule itself finds a better end; slopes alone stop at the first jump."""
    found = diffopt.optimize(EIG, "heun", 4, free="sigma_min", schedule=name).document["objective"]["value"]
    ends = np.geomspace(0.002, 30, 12)
    looks = [diffopt.evaluate(EIG, schedule=name, solver="heun", steps=4, sigma_min=s).errors["robust"] for s in ends]
    assert found <= min(v for v in looks if v is not None) * (1 + 1e-9)
    assert found < 0.9 * (looks[0] or 0.0)


@pytest.mark.parametrize("rho", [1.0, 2.5, 6.428330304837746, 7.0, 41.7, 800.0])
@pytest.mark.parametrize("levels", [3, 18])
def test_the_rho_of_karras_levels_is_found_to_its_printed_digits(rho: float, levels: int) -> None:
    from diffopt.hosts.edm_flags import nearest_karras

    made = np.linspace(80 ** (1 / rho), 0.002 ** (1 / rho), levels) ** rho
    found, printed = nearest_karras(made)
    assert printed == float(f"{rho:.8g}")
    np.testing.assert_allclose(found, made, rtol=1e-6)


@pytest.mark.parametrize("solver", ["heun", "edm_stochastic"])
def test_optimize_and_export_write_one_line_of_flags(solver: str, tmp_path: Path) -> None:
    """Digit for digit, and of a run with churn always all four: pasted over an older line nothing of that stays."""
    error = {} if solver == "heun" else {"score_error": "0.1"}
    found = diffopt.optimize(EIG, solver=solver, steps=3, free="family", schedule="karras", sigma_min=0.05, **error)
    line = found.answers()[-1].partition(": generate.py ")[2]
    assert line == str(diffopt.export(found, "edm:flags")).strip()
    names = [item.split("=")[0] for item in line.split()]
    churn = ["--S_churn", "--S_min", "--S_max", "--S_noise"] if solver == "edm_stochastic" else []
    assert names == ["--steps", "--sigma_min", "--sigma_max", "--rho", *churn]
