"""Options of solvers, processes and schedules by the names of their fields: flags, names, files, configs, Python."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.documents.options import fields_of, made, named, named_list
from diffopt.errors import InputError
from diffopt.processes import PROCESSES
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS

pytestmark = pytest.mark.usefixtures("no_optimum")

EIG = [9.0, 1.0, 0.2, 0.01]
TABLES = {"solver": SOLVERS, "schedule": SCHEDULES, "process": PROCESSES}
#: Every option there is: table, name, option.
OPTIONS = [
    (what, name, option)
    for what, table in TABLES.items()
    for name in table
    for option in fields_of(table[name])
    if option != "clock"
]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("eig.npy", EIG)

    def go(*words, code=0):
        assert main([*words]) == code, capsys.readouterr().err
        return capsys.readouterr()

    return go


def other(value):
    """Another value of the same kind, near enough to be allowed."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value


@pytest.mark.parametrize(("what", "name", "option"), OPTIONS, ids=":".join)
def test_every_option_is_read_from_its_name(what, name, option):
    cls = TABLES[what][name]
    default = fields_of(cls)[option]
    found, options = named(f"{name}:{option}={default}", TABLES[what], what)
    assert found is cls
    assert getattr(made(found, options, what), option) == default


def test_the_fields_are_the_options():
    karras = SCHEDULES["karras"]
    assert set(fields_of(karras)) == {f.name for f in dataclasses.fields(karras)}


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("karras", "karras", {}),
        ("karras:rho=5", "karras", {"rho": 5.0}),
        ("karras:5", "karras", {"rho": 5.0}),
        ("shift:7", "flow_shift", {"shift": 7.0}),
        ("beta:0.5,0.7", "beta", dict(zip(fields_of(SCHEDULES["beta"]), (0.5, 0.7), strict=True))),
    ],
)
def test_names_with_options(text, name, options):
    cls, found = named(text, SCHEDULES, "schedule")
    assert cls is SCHEDULES[name]
    thing = made(cls, found, "schedule")
    assert {k: getattr(thing, k) for k in options} == options


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("karras:rho", "rho"), ("karras:rh=5", "rho"), ("karras:5,6", "beyond"), ("karras:rho=1,rho=2", "twice"),
        ("exponential:2", "no options"), ("karras:rho=nan", "number"), ("karras:rho=1_0", "number"), ("karas:5", "karras"),
    ],
)  # fmt: skip
def test_what_is_no_option_is_refused_in_a_line(text, words):
    with pytest.raises(InputError, match=words) as error:
        made(*named(text, SCHEDULES, "schedule"), "schedule")
    assert "\n" not in str(error.value)


def test_karras_with_another_rho_is_its_formula():
    """(smax^(1/rho) + u (smin^(1/rho) - smax^(1/rho)))^rho, written out here."""
    ramp = np.linspace(0, 1, 4)
    expected = (80 ** (1 / 5) + ramp * (0.002 ** (1 / 5) - 80 ** (1 / 5))) ** 5
    apart = [{"schedule": "karras", "options": options} for options in ({"rho": 5}, ["rho=5"])]
    for given in ({"schedule": "karras:rho=5"}, *apart):
        result = diffopt.evaluate(EIG, steps=4, **given)
        np.testing.assert_allclose(result.sigmas[:-1], expected, rtol=1e-12)
        assert (result.document["schedule"], result.document["schedule_options"]) == ("karras", {"rho": 5.0})


def test_the_same_option_by_flag_name_config_file_and_python(run):
    Path("c.toml").write_text('options = ["phi=log"]\nsolver = "er_sde"\n')
    words = ("evaluate", "eig.npy", "--schedule", "karras", "-n", "5", "-q")
    by_flag = json.loads(run(*words, "-s", "er_sde", "-O", "phi=log").out)
    by_name = json.loads(run(*words, "-s", "er_sde:phi=log").out)
    by_config = json.loads(run(*words, "--config", "c.toml").out)
    by_python = diffopt.evaluate("eig.npy", solver="er_sde", schedule="karras", steps=5, options={"phi": "log"}).to_dict()
    assert by_flag == by_name == by_config == by_python
    assert by_flag["solver_options"]["phi"] == "log"
    assert by_flag["errors"] != json.loads(run(*words, "-s", "er_sde").out)["errors"]


def test_options_of_a_file_are_read_back(run):
    run("optimize", "eig.npy", "-n", "4", "-s", "er_sde:phi=log", "-o", "grid.json", "-q")
    first = json.loads(Path("grid.json").read_text())
    again = json.loads(run("evaluate", "eig.npy", "grid.json", "-q").out)
    assert again["solver_options"] == first["solver_options"]
    assert again["errors"]["frechet"] == first["errors"]["frechet"]
    changed = json.loads(run("evaluate", "eig.npy", "grid.json", "-O", "phi=ode", "-q").out)
    assert changed["solver_options"]["phi"] == "ode"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"solver": "heun"}, "solver"), ({"phy": "log"}, "phi"), ({"phi": 3}, "phi"), ({"phi": "loog"}, "log"),
        ({"phi": ["log"]}, "phi"),
    ],
)
def test_options_of_a_file_are_checked_against_the_fields(run, options, word):
    document = {"sigmas": [9, 1, 0.1], "solver": "er_sde", "solver_options": options}
    Path("grid.json").write_text(json.dumps(document))
    shown = run("evaluate", "eig.npy", "grid.json", code=2)
    assert shown.out == ""
    assert word in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimize", "eig.npy", "--beta-min", "1"], "beta_min"),
        (["optimize", "builtin:white", "--key", "a"], "--key"),
        (["optimize", "builtin:white", "--feature-space"], "--feature-space"),
        (["optimize", "eig.npy", "--schedule", "karras"], "--schedule"),
        (["optimize", "eig.npy", "--seed", "1"], "--seed"),
        (["optimize", "eig.npy", "--clock", "time"] + ["-s", "dpmpp_2m"], "clock"),
        (["optimize", "eig.npy", "--eta", "1"], "eta"),
        (["optimize", "eig.npy", "-O", "rho=5"], "rho"),
        (["optimize", "eig.npy", "-O", "rho"], "NAME=VALUE"),
        (["optimize", "eig.npy", "-n", "2", "-n", "3"], "twice"),
        (["optimize", "eig.npy", "-n", "1_0"], "steps"),
        (["optimize", "eig.npy", "-s", "edm_stochastic:s_churn=1", "--s-churn", "2"], "s_churn"),
        (["evaluate", "eig.npy", "--sigmas", "9,1,0", "-n", "9"], "--steps"),
        (["evaluate", "eig.npy", "--sigmas", "9,1,0", "--sigma-max", "5"], "--sigma-max"),
        (["evaluate", "eig.npy", "--sigmas", "9,1,0", "--end", "sigma_min"], "--end"),
        (["evaluate", "eig.npy", "--sigmas", "9,1,0", "--times", "9,1,0"], "one grid"),
        (["evaluate", "eig.npy", "--sigmas", "9,1,0", "--schedule", "karras"], "one grid"),
        (["compare-schedules", "eig.npy", "-n", "5", "--calls", "5"], "--calls"),
        (["compare-schedules", "eig.npy", "--equal-steps", "--calls", "5"], "--calls"),
        (["compare-schedules", "eig.npy", "-O", "phi=log"], "phi"),
        (["compare-schedules", "eig.npy", "-s", "ddim,dpmpp_2m", "--clock", "time"], "clock"),
        (["convergence", "eig.npy", "--metric", "weak", "--seed", "3"], "--seed"),
        (["optimize", "eig.npy", "-o", "x.csv", "--format", "json"], "csv"),
        (["optimize", "eig.npy", "-o", "x.png"], ".png"),
    ],
    ids=lambda w: " ".join(w[-2:]) if isinstance(w, list) else None,
)
def test_a_flag_without_effect_is_an_error_that_names_it(run, words, said):
    shown = run(*words, code=2)
    assert shown.out == ""
    assert said in shown.err
    assert shown.err.strip().count("\n") == 0
    assert not list(Path().glob("x.*"))


def test_the_suffix_decides_the_form(run):
    for name, start in (("x.csv", "step,"), ("x.md", "| step"), ("x.txt", "80\n"), ("x.json", "{")):
        run("optimize", "eig.npy", "-n", "3", "-o", name, "-q")
        assert Path(name).read_text().startswith(start)
    assert run("optimize", "eig.npy", "-n", "3", "-o", "-", "-q").out.startswith("{")
    assert not Path("-").exists()


def test_settings_by_precedence(run, monkeypatch):
    """Flags over --config over the environment over pyproject.toml, each wins over those after it."""
    Path("pyproject.toml").write_text('[tool.diffopt]\nsteps = 2\nsolver = "heun"\nsigma-max = 50.0\nend = "sigma_min"\n')
    monkeypatch.setenv("DIFFOPT_STEPS", "3")
    monkeypatch.setenv("DIFFOPT_SOLVER", "dpmpp_2m")
    monkeypatch.setenv("DIFFOPT_SIGMA_MAX", "40")
    Path("c.toml").write_text('steps = 4\nsolver = "ddim"\n')
    data = json.loads(run("optimize", "eig.npy", "--config", "c.toml", "-n", "5", "-q").out)
    found = data["steps"], data["solver"], data["process"]["sigma_max"], data["end"]
    assert found == (5, "ddim", 40.0, "sigma_min")
    shown = run("optimize", "eig.npy", "--config", "c.toml", "-n", "5", "--show-settings").out
    assert 'steps = "5"  # flag' in shown
    assert 'solver = "ddim"  # c.toml' in shown
    assert "sigma-max = 40.0  # DIFFOPT_SIGMA_MAX" in shown
    assert "pyproject.toml" in shown


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("steps = true", "steps"), ('steps = "3"', "steps"), ("steps = 2.5", "steps"), ("solvr = 1", "solver"),
        ("sigma-max = 3\nsigma_max = 4", "twice"), ("eta = true", "eta"), ("solver = 3", "solver"), ("quiet = 1", "quiet"),
        ("options = 5", "options"), ("output = \"x\"", "output"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["config", "pyproject"])
def test_wrong_kinds_in_files_are_refused(run, text, word, place):
    Path("c.toml").write_text(text)
    Path("pyproject.toml").write_text(f"[tool.diffopt]\n{text}\n")
    extra = ("--config", "c.toml") if place == "config" else ()
    if place == "config":
        Path("pyproject.toml").unlink()
    shown = run("optimize", "eig.npy", *extra, code=2)
    assert shown.out == ""
    assert word in shown.err


def test_a_variable_that_is_no_setting_is_pointed_out(run, monkeypatch):
    monkeypatch.setenv("DIFFOPT_SOLVR", "heun")
    assert "DIFFOPT_SOLVER" in run("optimize", "eig.npy", "-n", "2", "-q").err


def test_values_of_a_config_reach_every_command(run):
    Path("c.toml").write_text('solver = "ddim"\nsteps = 6\nsigma-min = 0.05\nend = "sigma_min"\n')
    eta = json.loads(run("eta", "eig.npy", "--config", "c.toml", "--design", "none", "-q").out)
    assert (eta["solver"], eta["steps"], eta["process"]["sigma_min"]) == ("ddim", 6, 0.05)
    Path("d.toml").write_text('solver = "euler,heun"\nsteps = [8, 16, 32]\nsigma-min = 0.05\n')
    rows = json.loads(run("convergence", "eig.npy", "--config", "d.toml", "--metric", "frechet", "-q").out)["rows"]
    assert [(row["solver"], row["steps"]) for row in rows] == [("euler", [8, 16, 32]), ("heun", [8, 16, 32])]


def test_steps_count_steps_and_calls_count_calls(run):
    words = ("compare-schedules", "eig.npy", "-s", "euler,heun", "--only", "karras", "-q")
    by_steps = json.loads(run(*words, "-n", "6").out)["rows"]
    by_calls = json.loads(run(*words, "--calls", "9").out)["rows"]
    assert {(r["solver"], r["steps"], r["denoiser_calls"]) for r in by_steps} == {("euler", 6, 6), ("heun", 6, 11)}
    assert {(r["solver"], r["steps"], r["denoiser_calls"]) for r in by_calls} == {("euler", 9, 9), ("heun", 5, 9)}


def test_a_schedule_with_options_is_a_row(run):
    rows = json.loads(run("compare-schedules", "eig.npy", "-n", "4", "--only", "karras:rho=5,exponential", "-q").out)["rows"]
    assert {r["schedule"] for r in rows} == {"karras:rho=5", "exponential", "optimized"}
    expected = diffopt.evaluate(EIG, schedule="karras:rho=5", steps=4)
    row = next(r for r in rows if r["schedule"] == "karras:rho=5")
    assert row["frechet"] == pytest.approx(expected.errors["frechet"], rel=1e-6)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("karras,beta:0.5,0.7", ["karras", "beta:0.5,0.7"]), ("beta:0.5,0.7,karras", ["beta:0.5,0.7", "karras"]),
        ("beta:0.7,0.5,beta:0.9,0.5", ["beta:0.7,0.5", "beta:0.9,0.5"]), ("beta:5e-1,b=-0.7", ["beta:5e-1,b=-0.7"]),
        (" karras , ,karras", ["karras"]), (["beta:0.5,0.7", "karras"], ["beta:0.5,0.7", "karras"]), ("ays_*,5", ["ays_*", "5"]),
    ],
)  # fmt: skip
def test_commas_of_options_belong_to_their_name(text, names):
    assert named_list(text) == names


def test_rows_with_the_same_number_among_their_options(run):
    """The second 0.5 is an option of its own, not the first one again."""
    rows = json.loads(run("compare-schedules", "eig.npy", "-n", "4", "--only", "beta:0.7,0.5,beta:0.9,0.5", "-q").out)["rows"]
    for name in ("beta:0.7,0.5", "beta:0.9,0.5"):
        row = next(r for r in rows if r["schedule"] == name)
        assert row["sigmas"] == pytest.approx(diffopt.evaluate(EIG, schedule=name, steps=4).sigmas.tolist())


def test_the_help_says_the_defaults_in_force(run):
    from diffopt.api.best_eta import SOLVER
    from diffopt.schedules import HABIT

    shown = " ".join(run("eta", "--help").out.split())
    assert f"[default: {SOLVER}]" in shown and f"[default: {HABIT}]" in shown
    assert "[default: euler]" not in shown
    data = json.loads(run("eta", "eig.npy", "-n", "3", "--design", "none", "-q").out)
    assert (data["solver"], data["schedule"]) == (SOLVER, HABIT)


def test_help_of_flags_is_of_flags_that_there_are():
    from diffopt.api.flags import HELP, flags_of

    for verb, said in HELP.items():
        assert set(said) <= set(flags_of(verb))
