"""The command line: streams, exit codes, formats, files, configs; in process and in real subprocesses."""

from __future__ import annotations

import array
import csv
import fcntl
import io
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from oracles import FACTS, Run, euler

import diffopt
from diffopt import __version__
from diffopt.cli import optimize as optimize_command
from diffopt.cli.main import main
from diffopt.cli.values import FEW
from diffopt.solvers import SOLVERS

ROOT = Path(diffopt.__file__).parents[1]
DIFFOPT = [sys.executable, "-m", "diffopt.cli.main"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def spectrum(tmp_path):
    """A short spectrum as a file."""
    np.save(tmp_path / "eig.npy", 4.0 * np.arange(1, 21.0) ** -2)
    return "eig.npy"


@pytest.fixture
def run(capsys):
    """Call the command line in process: (exit code, stdout, stderr)."""

    def call(*argv):
        code = main([str(a) for a in argv])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def shell(*argv, **options):
    """A real process: separate streams, no terminal."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*DIFFOPT, *argv], capture_output=True, check=False, timeout=120, env=environment, **{"cwd": os.getcwd(), **options}
    )


def document(out):
    """Strict JSON: NaN and Infinity are refused."""
    def refuse(name):
        raise AssertionError(name)

    return json.loads(out, parse_constant=refuse)


# --- the main job ---------------------------------------------------------------------------------


def test_optimize_prints_a_schedule_and_talks_on_stderr(run, spectrum):
    code, out, err = run("optimize", spectrum, "--solver", "heun", "--steps", "6")
    data = document(out)
    assert code == 0
    assert data["schema"] == "diffopt.schedule/1"
    assert data["diffopt_version"] == __version__
    assert (data["solver"], data["steps"], data["denoiser_calls"], data["clock"]) == ("heun", 6, 11, "sigma")
    assert len(data["sigmas"]) == 7
    assert data["sigmas"][0] == 80.0
    assert data["sigmas"][-1] == 0.0
    assert all(a > b for a, b in zip(data["sigmas"][:-1], data["sigmas"][1:], strict=True))
    assert data["times"] == data["sigmas"]
    assert data["eta"] == [0.0] * 6
    assert data["errors"]["robust"] == data["objective"]["value"]
    assert min(b["robust"] for b in data["baselines"].values()) > data["objective"]["value"]
    assert data["optimizer"]["converged"] is True
    assert data["spectrum"]["dim"] == 20
    assert "sigma 80 to 0.002" in err
    assert "solver heun" in err


def test_evaluate_agrees_with_the_published_loop_on_gaussian_data(run, spectrum):
    """frechet of Karras' grid from 200 states per direction whose second moment is exact."""
    code, out, _ = run("evaluate", spectrum, "--schedule", "karras", "--steps", "8")
    data = document(out)
    eig = np.load(spectrum)

    class Gaussian:
        def denoise(self, z, alpha, noise):
            return alpha * eig / (alpha**2 * eig + noise**2) * z

    sigmas = data["sigmas"]
    start = np.sqrt(eig + sigmas[0] ** 2)
    end = euler(Run(Gaussian(), FACTS["ve"], sigmas, [0.0] * 8, [[]] * 8), start)
    assert code == 0
    assert data["errors"]["frechet"] == pytest.approx(np.sqrt(((end - np.sqrt(eig)) ** 2).sum()), rel=1e-12)
    kl = 0.5 * (eig / end**2 - 1 - np.log(eig / end**2)).sum()
    assert data["errors"]["kl"] == pytest.approx(kl, rel=1e-9)


def test_a_written_schedule_evaluates_to_its_own_errors(run, spectrum):
    for extra in ((), ("--solver", "ddim", "--free", "grid,eta_per_step", "--eta", "0.3"), ("--process", "flow"),
                  ("--solver", "edm_stochastic", "--s-churn", "2"), ("--end", "sigma_min", "--start", "unit")):  # fmt: skip
        code, out, _ = run("optimize", spectrum, "-n", "5", *extra, "-o", "grid.json", "--force", "-q")
        assert (code, out) == (0, "")
        code, out, _ = run("evaluate", spectrum, "grid.json")
        assert code == 0
        again, before = document(out), document(Path("grid.json").read_text())
        assert again["schema"] == "diffopt.evaluation/1"
        for key in ("sigmas", "times", "timesteps", "eta", "solver", "clock", "start", "end", "denoiser_calls"):
            assert again[key] == before[key]
        for key, value in before["errors"].items():
            assert again["errors"][key] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_every_solver_runs_from_the_command_line(run, spectrum, solver):
    code, out, _ = run("optimize", spectrum, "-s", solver, "-n", "4", "-q")
    assert code in (0, 3)
    assert document(out)["solver"] == solver


def test_pure_noise_is_null_in_the_file_and_time_one(run, spectrum):
    _, out, _ = run("optimize", spectrum, "--process", "flow", "-n", "4")
    data = document(out)
    assert data["sigmas"][0] is None
    assert data["process"]["sigma_max"] is None
    assert data["times"][0] == 1.0
    assert data["timesteps"][0] == 1000.0


def test_undefined_errors_are_null_with_a_reason(run, tmp_path):
    np.save("zero.npy", [1.0, 0.0])
    code, out, _ = run("evaluate", "zero.npy", "--schedule", "karras", "--end", "sigma_min")
    errors = document(out)["errors"]
    assert code == 0
    assert errors["kl"] is None
    assert "eigenvalue 0" in errors["reasons"]["kl"]


def test_listed_sigmas_bring_their_own_ends(run, spectrum):
    code, out, _ = run("evaluate", spectrum, "--sigmas", "[20, 5, 1, 0.2]")
    data = document(out)
    assert code == 0
    assert data["sigmas"] == [20, 5, 1, 0.2]
    assert (data["end"], data["steps"]) == ("sigma_min", 3)


# --- formats and streams ----------------------------------------------------------------------------


def test_formats(run, spectrum):
    outputs = {}
    for form in FEW["format"]:
        code, outputs[form], _ = run("evaluate", spectrum, "--schedule", "karras", "-n", "3", "--format", form)
        assert code == 0
    sigmas = document(outputs["json"])["sigmas"]
    rows = list(csv.DictReader(io.StringIO(outputs["csv"])))
    assert [float(row["sigma"]) for row in rows] == sigmas
    lines = outputs["lines"].split()
    assert "e" not in outputs["lines"]
    np.testing.assert_allclose([float(x) for x in lines], sigmas, rtol=1e-8)
    assert outputs["markdown"].splitlines()[1].startswith("|---")
    assert len(outputs["markdown"].splitlines()) == 2 + 4
    assert "karras" in outputs["table"]
    assert max(map(len, outputs["table"].splitlines())) <= 100
    assert "\x1b" not in outputs["table"]


def test_quiet_says_nothing(run, spectrum):
    for argv in (("optimize", spectrum, "-n", "3"), ("evaluate", spectrum, "--schedule", "karras")):
        assert run(*argv, "-q")[2] == ""
        assert run(*argv)[2] != ""


def test_reruns_are_byte_identical(run, spectrum):
    argv = ("optimize", spectrum, "-s", "dpmpp_2m", "-n", "7", "-q")
    other = shell(*argv)
    assert other.returncode == 0
    assert other.stderr == b""
    assert other.stdout == run(*argv)[1].encode() == run(*argv)[1].encode()


def test_standard_input(spectrum):
    done = shell("evaluate", "-", "--schedule", "karras", "-q", input=Path(spectrum).read_bytes())
    assert done.returncode == 0
    assert document(done.stdout)["spectrum"]["source"] == "-"


def test_a_closed_pipe_ends_quietly(spectrum):
    """`diffopt ... | head` must not trace back."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*DIFFOPT, "list", "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 0
    assert error == b""


def test_interrupts_exit_with_130(spectrum, tmp_path):
    """Ctrl-C while it works: 130, nothing on stdout, no file."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # The work waits on standard input, so the moment of the signal does not matter.
    process = subprocess.Popen(
        [*DIFFOPT, "optimize", "-", "-o", "out.json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(b"4\n")
    process.stdin.flush()
    _wait_until_read(process.stdin)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, error) == (b"", b"error: interrupted\n")
    assert not (tmp_path / "out.json").exists()


def _wait_until_read(pipe):
    """Until the other end has taken all that was written, however long it takes to start."""
    left = array.array("i", [1])
    for _ in range(600):
        fcntl.ioctl(pipe, termios.FIONREAD, left)
        if not left[0]:
            return
        time.sleep(0.1)
    raise AssertionError("nothing is read")


# --- files ----------------------------------------------------------------------------------------


def test_an_existing_file_is_kept_unless_forced(run, spectrum):
    target = Path("out.json")
    target.write_text("mine")
    code, out, err = run("optimize", spectrum, "-n", "3", "-o", target)
    assert (code, out) == (2, "")
    assert "--force" in err
    assert target.read_text() == "mine"
    code, out, err = run("optimize", spectrum, "-n", "3", "-o", target, "--force")
    assert (code, out) == (0, "")
    assert "wrote out.json" in err
    assert document(target.read_text())["steps"] == 3
    assert sorted(p.name for p in Path().iterdir()) == ["eig.npy", "out.json"]


def test_pictures(run, spectrum):
    for name, start in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml")):
        code, _, _ = run("optimize", spectrum, "-n", "3", "--plot", name)
        assert code == 0
        assert Path(name).read_bytes().startswith(start)
    before = Path("a.svg").read_bytes()
    run("optimize", spectrum, "-n", "3", "--plot", "a.svg", "--force")
    assert Path("a.svg").read_bytes() == before


def test_not_converged_exits_with_3_and_still_writes(run, spectrum, monkeypatch):
    monkeypatch.setattr("diffopt.search.lbfgs.BUDGET", 3)
    monkeypatch.setattr("diffopt.search.descent.PROBE", 1)
    code, out, err = run("optimize", spectrum, "-n", "10", "-o", "out.json")
    assert code == optimize_command.NOT_CONVERGED == 3
    assert out == ""
    assert "not converged" in err
    assert document(Path("out.json").read_text())["optimizer"]["converged"] is False


# --- bad usage ------------------------------------------------------------------------------------

BAD = [
    ("optimize", "missing.npy"),
    ("optimize",),
    ("optimize", "eig.npy", "--solver", "hein"),
    ("optimize", "eig.npy", "--objective", "beauty"),
    ("optimize", "eig.npy", "--process", "magic"),
    ("optimize", "eig.npy", "--process", "table"),
    ("optimize", "eig.npy", "--process", "table", "--betas", "linear:1"),
    ("optimize", "eig.npy", "--betas", "linear:0.1,0.2,10"),
    ("optimize", "eig.npy", "--steps", "0"),
    ("optimize", "eig.npy", "--steps", "ten"),
    ("optimize", "eig.npy", "--steps", "5,10"),
    ("optimize", "eig.npy", "--steps", "-3"),
    ("optimize", "eig.npy", "--sigma-max", "0.001"),
    ("optimize", "eig.npy", "--sigma-max", "nan"),
    ("optimize", "eig.npy", "--sigma-min", "-1"),
    ("optimize", "eig.npy", "--sigma-max", "x"),
    ("optimize", "eig.npy", "--end", "middle"),
    ("optimize", "eig.npy", "--start", "cold"),
    ("optimize", "eig.npy", "--clock", "sundial"),
    ("optimize", "eig.npy", "--solver", "ddim", "--clock", "sigma"),
    ("optimize", "eig.npy", "--free", "everything"),
    ("optimize", "eig.npy", "--free", "eta"),
    ("optimize", "eig.npy", "--eta", "-1", "--solver", "ddim"),
    ("optimize", "eig.npy", "--eta", "1"),
    ("optimize", "eig.npy", "--s-churn", "1"),
    ("optimize", "eig.npy", "--format", "xml"),
    ("optimize", "eig.npy", "--config", "none.toml"),
    ("optimize", "eig.npy", "--plot", "a.bmp"),
    ("optimize", "eig.npy", "--t-max", "5", "--sigma-max", "5"),
    ("optimize", "eig.npy", "--process", "vp_linear", "--t-max", "2"),
    ("optimize", "eig.npy", "--process", "vp_linear", "--beta-min", "9", "--beta-max", "1"),
    ("optimize", "eig.npy", "-o", "."),
    ("optimize", "eig.npy", "-o", "no/such/folder.json"),
    ("optimize", "eig.npy", "--unknown"),
    ("optimise", "eig.npy"),
    ("evaluate", "eig.npy"),
    ("evaluate", "eig.npy", "--schedule", "karas"),
    ("evaluate", "eig.npy", "--schedule", "karras", "--sigmas", "3,1,0"),
    ("evaluate", "eig.npy", "--sigmas", "1,2,3"),
    ("evaluate", "eig.npy", "--sigmas", "1"),
    ("evaluate", "eig.npy", "--sigmas", ""),
    ("evaluate", "eig.npy", "--sigmas", "1,b"),
    ("evaluate", "eig.npy", "--sigmas", "3,nan,0"),
    ("evaluate", "eig.npy", "none.json"),
    ("convergence", "eig.npy", "-s", "euler", "--paths", "50"),
    ("convergence", "eig.npy", "-s", "euler", "--paths", "0"),
    ("list", "everything"),
    ("list", "--format", "xml"),
    ("schema", "diffopt.nothing/1"),
]


@pytest.mark.parametrize("argv", BAD, ids=lambda a: " ".join(a))
def test_bad_usage_is_one_line_and_exit_code_2(run, spectrum, argv):
    before = set(os.listdir())
    extra = ("-o", "result.json") if argv[0] in ("optimize", "evaluate") and "-o" not in argv else ()
    code, out, err = run(*argv, *extra)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    assert set(os.listdir()) == before


def test_bad_usage_in_a_real_process(spectrum):
    done = shell("optimize", spectrum, "--solver", "hein")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"error: solver 'hein' is unknown; did you mean 'heun'? (diffopt list solvers)\n"


def test_an_unexpected_failure_exits_with_1_and_keeps_its_traceback(spectrum):
    """A bug is not disguised as bad input."""
    code = "import diffopt.api.optimize as s\ndef f(*a, **k): raise RuntimeError('bug')\ns.optimize = f\n"
    code += f"from diffopt.cli.main import main; import sys; sys.exit(main(['optimize', {spectrum!r}]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=environment)
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"RuntimeError: bug" in done.stderr


# --- config files -----------------------------------------------------------------------------------


def test_config_fills_in_and_flags_win(run, spectrum):
    Path("c.toml").write_text(f'spectrum = "{spectrum}"\nsolver = "heun"\nsteps = 4\nsigma-max = 50.0\nquiet = true\n')
    code, out, err = run("optimize", "--config", "c.toml", "--steps", "3")
    data = document(out)
    assert (code, err) == (0, "")
    assert (data["solver"], data["steps"], data["sigmas"][0]) == ("heun", 3, 50.0)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ('solvr = "heun"', "solvr"),
        ("steps = [1]", "steps"),
        ("steps = ", "TOML"),
        ('eta = "big"', "eta"),
        ("[grid]\nx = 1", "grid"),
    ],
)
def test_bad_configs_name_the_field(run, spectrum, content, word):
    Path("c.toml").write_text(content)
    code, out, err = run("optimize", spectrum, "--config", "c.toml")
    assert (code, out) == (2, "")
    assert word in err
    assert "c.toml" in err


def test_there_are_shipped_configs():
    """Each of them runs in the tests of the README."""
    assert len(list((ROOT / "configs").glob("*.toml"))) >= 4


# --- list, schema, help -----------------------------------------------------------------------------


def test_list_shows_every_name(run):
    from diffopt.report.catalogue import CATALOGUE

    code, out, err = run("list", "--format", "json")
    data = document(out)
    assert (code, err) == (0, "")
    assert set(data) == set(CATALOGUE)
    assert {row["name"] for row in data["solvers"]} == set(SOLVERS)
    for kind in CATALOGUE:
        for form in FEW["format"]:
            code, out, _ = run("list", kind, "--format", form, "--long")
            assert code == 0
            assert all(row["name"] in out for row in data[kind]) or form == "table"


def test_help_and_version(run):
    for argv in (("--help",), ("-h",), ()):
        code, out, err = run(*argv)
        assert (code, err) == (0, "")
        assert "optimize" in out
    assert run("--version")[1] == f"diffopt {__version__}\n"


@pytest.mark.parametrize("command", ["optimize", "evaluate", "list", "schema", "eta", "convergence"])
def test_every_command_has_help_with_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert re.search(rf"Examples?:\n  diffopt {command}\b", out)
