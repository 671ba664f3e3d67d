"""Values that name nothing, and values that no flag gave: refused in one line that says where they stand."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest
from test_flag_effects import BASE, replaced

import diffopt
from diffopt.api.flags import OUTPUT, OWN, VERBS, flags_of
from diffopt.cli.command import panels_of
from diffopt.cli.main import main
from diffopt.errors import InputError

BLANKS = ("", ",", " , ")


def texts(verb: str) -> list:
    return [flag for _, flag in panels_of(verb) if flag.kind in (str, list)]


def one_line(capsys) -> str:
    out, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("error:")]
    assert out == "" and len(errors) == 1 and "Traceback" not in err, err
    return errors[0]


@pytest.mark.parametrize("verb", BASE)
def test_empty_values_are_refused_by_every_flag_of_every_command(verb, capsys, tmp_path, monkeypatch):
    """Before any file is read: none of those that the command names is there."""
    monkeypatch.chdir(tmp_path)
    flags = texts(verb)
    assert flags
    for flag in flags:
        if flag.hidden:
            continue
        for value in BLANKS:
            assert main(replaced(BASE[verb].split(), [flag.long, value], flag)) == 2, (flag.long, value)
            line = one_line(capsys)
            # Some commands have no --format or --plot.
            absent = f"No such option: {flag.long}" in line or f"takes no {flag.long}" in line
            there = "is empty" in line or (flag.name in {f.name for f in OUTPUT} and absent)
            assert flag.long in line and there, line
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("verb", sorted({*VERBS, *OWN} - {"schema", "names"}))
def test_empty_values_are_refused_by_every_keyword(verb):
    function = getattr(diffopt, verb)
    parameters = inspect.signature(function).parameters.values()
    needed = {p.name: "x" for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
    flags = [*OWN.get(verb, ()), *(flags_of(verb).values() if verb in VERBS else ())]
    named = [flag.name for flag in flags if flag.kind in (str, list)]
    assert named or verb == "from_loss"
    for name in named:
        with pytest.raises(InputError, match=rf"^{name} = ',' is empty"):
            function(**{**needed, name: ","})


@pytest.mark.parametrize(
    ("name", "value"), [("steps", "abc"), ("solver", "nonesuch"), ("sigma_max", "-3"), ("schedule", "nothing"), ("only", ",")]
)
def test_values_of_variables_are_told_with_the_variable(name, value, capsys, monkeypatch):
    monkeypatch.setenv(f"DIFFOPT_{name.upper()}", value)
    command = "compare-schedules" if name == "only" else "evaluate" if name == "schedule" else "optimize"
    assert main([command, "builtin:photos"]) == 2
    assert f"DIFFOPT_{name.upper()}" in one_line(capsys)


@pytest.mark.parametrize("line", ["steps = -4", 'solver = "nonesuch"', "sigma-min = 1e9", 'clock = "watch"', 'free = ""'])
def test_values_of_files_are_told_with_the_file(line, capsys, tmp_path):
    (tmp_path / "run.toml").write_text(line)
    assert main(["optimize", "builtin:photos", "--config", str(tmp_path / "run.toml")]) == 2
    assert "run.toml" in one_line(capsys)
    (tmp_path / "run.toml").write_text(line.split("=")[0] + "= 5" if "steps" in line else 'start = "exact"')
    assert main(["optimize", "builtin:photos", "--config", str(tmp_path / "run.toml"), "--steps", "-4"]) == 2
    assert "run.toml" not in one_line(capsys)


def test_pipes_and_devices_without_an_end_are_refused(tmp_path, capsys):
    """With the flag that allows more; 2 MB instead of the usual gigabyte."""
    run = [sys.executable, "-m", "diffopt", "spectrum", "show", "-", "--max-member", "0.002"]
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as endless:
        done = subprocess.run(run, stdin=endless.stdout, capture_output=True, text=True, timeout=60)
        endless.kill()
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "standard input: more than" in done.stderr and "--max-member" in done.stderr
    assert main(["spectrum", "show", "/dev/zero", "--max-member", "0.002"]) == 2
    assert "/dev/zero: more than" in capsys.readouterr().err


def test_lists_that_nothing_names_say_what_they_are_taken_for(tmp_path):
    """Roots of alphas_cumprod decrease in (0, 1] as alphas_cumprod do, and no list of either tells."""
    table = np.linspace(0.99, 0.01, 60)
    np.save(tmp_path / "bare.npy", table)
    np.savez(tmp_path / "named.npz", alphas_cumprod=table)
    np.savez(tmp_path / "roots.npz", sqrt_alphas_cumprod=np.sqrt(table))
    np.save(tmp_path / "rates.npy", np.linspace(1e-4, 0.02, 60))
    runs = {
        name: diffopt.evaluate([1.0, 0.2], process="table", alphas_cumprod=str(tmp_path / name), schedule="karras", steps=3)
        for name in ("bare.npy", "named.npz", "roots.npz", "rates.npy")
    }
    said = {name: " ".join(run.notes) for name, run in runs.items()}
    assert "taken for alphas_cumprod" in said["bare.npy"] and "sqrt_alphas_cumprod" in said["bare.npy"]
    assert "taken for" not in said["named.npz"]
    assert "taken for betas" in said["rates.npy"] and "sqrt_one_minus_alphas_cumprod" in said["rates.npy"]
    np.testing.assert_allclose(runs["roots.npz"].sigmas, runs["named.npz"].sigmas, rtol=1e-12)
    np.testing.assert_allclose(runs["bare.npy"].sigmas, runs["named.npz"].sigmas, rtol=1e-12)
