"""Every argument that is a file takes `-`: the result is that of the file; two of one standard input are refused in a line."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffopt.api.flags import OUTPUT, OWN, VERBS, flags_of
from diffopt.cli.app import COMMANDS
from diffopt.cli.given import WRITTEN
from diffopt.cli.main import main

pytestmark = pytest.mark.usefixtures("no_optimum")

Run = Callable[..., tuple[int, str, str]]
GRID = "80 4 0.5 0\n"
RNG = np.random.default_rng(0)


def npy(array: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array))
    return buffer.getvalue()


def npz(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{k: np.asarray(v) for k, v in arrays.items()})
    return buffer.getvalue()


def outputs() -> bytes:
    x0, noise = RNG.standard_normal((2, 60, 3))
    return npz(x0=x0, noise=noise, predicted=0.9 * noise, sigma=np.repeat([0.5, 2.0], 30))


CONFIG = json.dumps(
    {"_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
     "num_train_timesteps": 1000, "prediction_type": "epsilon"}
).encode()  # fmt: skip
EIG = b"4 1 0.25"
COVARIANCE = np.array([[2.0, 0.5], [0.5, 1.0]])
MIXTURE = npz(weights=[0.5, 0.5], means=[[1.0, 0.0], [-1.0, 0.0]], variances=[[0.1, 0.2], [0.1, 0.2]])
SCHEDULES = {"sigmas": (GRID.encode(), "txt"), "times": (b"1 0.6 0.2 0", "txt")}
#: Argument (command, name of the parameter): line with {} in its place, what the file holds, and its suffix.
CASES: dict[tuple[str, str], tuple[str, bytes, str]] = {
    **{(c, "spectrum"): (line, EIG, "txt") for c, line in {
        "optimize": "optimize {} -n 2", "evaluate": "evaluate {} --schedule karras -n 2", "eta": "eta {} -n 2 --design none",
        "compare-schedules": "compare-schedules {} -n 2 --only karras,uniform_t",
        "convergence": "convergence {} -s euler --metric frechet -n 8,16",
        "error-budget": "error-budget {} -n 2 --samples 100 --start sigma", "recommend": "recommend {} --calls 1",
        "shift": "shift {} -n 2", "spectrum show": "spectrum show {}", "spectrum convert": "spectrum convert {}",
        "export": "export e.json --to comfyui --spectrum {}", "check": "check e.json --host comfyui --spectrum {}",
    }.items()},
    **{(c, name): (f"{c} e.npy --{name} {{}}", *SCHEDULES[name]) for c in ("evaluate",) for name in ("sigmas",)},
    ("evaluate", "times"): ("evaluate e.npy --process flow --times {}", *SCHEDULES["times"]),
    ("evaluate", "grid"): ("evaluate e.npy {}", GRID.encode(), "txt"),
    ("error-budget", "grid"): ("error-budget e.npy {} --samples 100 --start sigma", GRID.encode(), "txt"),
    ("compare-schedules", "add"): (
        "compare-schedules e.npy -n 3 --only karras --kind fixed,added --add {}", GRID.encode(), "txt",
    ),
    ("export", "schedule"): ("export {} --to comfyui", GRID.encode(), "txt"),
    ("check", "schedule"): ("check {} --host comfyui", GRID.encode(), "txt"),
    ("simulate", "grids"): ("simulate --mixture m.npz {} --count 8 --reference-steps 4", GRID.encode(), "txt"),
    ("simulate", "mixture"): ("simulate --mixture {} --schedule karras -n 2 --count 8 --reference-steps 4", MIXTURE, "npz"),
    ("simulate", "samples"): (
        "simulate --samples {} --schedule karras -n 2 --count 8 --reference-steps 4 --bandwidth 0.1",
        npy(RNG.normal(size=(9, 2))), "npy",
    ),
    ("simulate", "posterior"): (
        "simulate --mixture m.npz --posterior {} --schedule karras -n 2 --count 8 --reference-steps 4",
        npz(matrix=[[1.0, 0.0]], measurement=[0.5], noise=0.3), "npz",
    ),
    ("siem", "file"): ("siem {}", outputs(), "npz"),
    ("siem", "reference"): ("siem o.npz --reference {}", npz(predicted=RNG.standard_normal((60, 3))), "npz"),
    ("spectrum estimate", "path"): ("spectrum estimate {} --mean", npy(RNG.normal(size=(20, 3))), "npy"),
    ("spectrum estimate", "labels"): ("spectrum estimate s.npy --labels {} --mean", npy(np.repeat([0, 1], 10)), "npy"),
    ("spectrum from-loss", "curve"): ("spectrum from-loss {}", b"sigma,mse\n0.1,0.02\n1,0.6\n5,1.5\n20,1.9\n", "csv"),
    ("spectrum posterior", "prior"): ("spectrum posterior {} --operator diagonal:1 --noise 0.5", npy(COVARIANCE), "npy"),
    ("spectrum posterior", "measurement"): (
        "spectrum posterior p.npy --operator diagonal:1 --noise 0.5 --measurement {}", b"0.5 0.2", "txt",
    ),
    ("spectrum posterior", "operator"): ("spectrum posterior p.npy --operator matrix:{} --noise 0.5", npy([[1.0, 0.2]]), "npy"),
    ("spectrum synthesize radial", "table"): (
        "spectrum synthesize radial --shape 4,4 --table {}", b"0.1 4\n0.5 1\n1 0.3\n9 0.1\n", "txt",
    ),
}  # fmt: skip
#: Shared flags that name files, tried with one command each.
CASES |= {
    ("shared", "alphas_cumprod"): (
        "evaluate e.npy --schedule karras -n 2 --process table --alphas-cumprod {}",
        npy(np.cumprod(1 - np.linspace(0.03, 0.11, 300) ** 2)), "npy",
    ),
    ("shared", "betas"): (
        "evaluate e.npy --schedule karras -n 2 --process table --betas {}", npy(np.linspace(0.03, 0.11, 300) ** 2), "npy",
    ),
    ("shared", "scheduler_config"): ("evaluate e.npy --schedule karras -n 2 --scheduler-config {}", CONFIG, "json"),
    ("hosted", "scheduler_config"): ("export t.json --to diffusers --scheduler-config {}", CONFIG, "json"),
    ("shared", "score_error"): (
        "evaluate e.npy --schedule karras -n 2 --score-error curve:{}", b"sigma,mse\n0.1,0.1\n1,2\n9,6\n", "csv",
    ),
    ("shared", "config"): ("evaluate e.npy --schedule karras --config {}", b"steps = 3\n", "toml"),
}  # fmt: skip
#: A schedule with everything that is asked of one, and a table of noise levels of a model.
WHOLE = json.dumps({
    "schema": "diffopt.schedule/1", "solver": "heun", "steps": 3, "sigmas": [80, 4, 0.5, 0], "score_error": "0.01",
    "process": {"name": "ve"}, "spectrum": {"source": "e.npy"},
}).encode()  # fmt: skip
ALPHAS = np.cumprod(1 - np.linspace(0.03, 0.11, 300) ** 2)
#: Commands that ask several times for what a file holds: solvers, hosts, pictures beside the answer.
CASES |= {
    **{(f"{c} of a document", name): (line, WHOLE, "json") for (c, name), line in {
        ("evaluate", "grid"): "evaluate e.npy {}", ("export", "schedule"): "export {} --to edm",
        ("check", "schedule"): "check {} --host comfyui", ("error-budget", "grid"): "error-budget e.npy {} --samples 100",
        ("simulate", "grids"): "simulate --mixture m.npz {} -s euler,heun --count 8 --reference-steps 4",
        ("compare-schedules", "add"): "compare-schedules e.npy -n 3 -s euler,heun --only karras --add {}",
    }.items()},
    ("several solvers", "alphas_cumprod"): (
        "compare-schedules e.npy -n 3 -s euler,heun --only karras --process table --alphas-cumprod {}",
        json.dumps({"alphas_cumprod": ALPHAS.tolist()}).encode(), "json",
    ),
    ("several solvers", "betas"): (
        "convergence e.npy -n 4,8 -s euler,heun --metric frechet --process table --betas {}", CONFIG, "json",
    ),
    ("several solvers", "scheduler_config"): (
        "compare-schedules e.npy -n 3 -s euler,heun --only karras --scheduler-config {} --host diffusers", CONFIG, "json",
    ),
    ("several solvers", "score_error"): (
        "compare-schedules e.npy -n 3 -s euler,heun --only karras --score-error curve:{}", b"sigma,mse\n0.1,0.1\n9,6\n", "csv",
    ),
    ("hosted optimum", "scheduler_config"): (
        "optimize e.npy -n 2 --host diffusers --scheduler-config {}",
        b'{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0, "num_train_timesteps": 1000}', "json",
    ),
    ("map", "spectrum"): (
        "convergence {} -s euler --metric frechet -n 4,8 --error-map map.svg --force",
        json.dumps({"schema": "diffopt.spectrum/1", "eigenvalues": [4, 1, 0.25]}).encode(), "json",
    ),
}  # fmt: skip
#: Rows and samples, of which there may be more than memory holds, and tables that their reader reads: gone through, not kept.
STREAMED = {
    ("siem", "file"), ("siem", "reference"), ("simulate", "samples"), ("spectrum estimate", "path"),
    ("spectrum synthesize radial", "table"),
}  # fmt: skip


class Reads:
    """How often a file is opened and its JSON parsed, and how often standard input is read to its end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened, self.parsed, self.ended, self.text = 0, 0, 0, ""
        really_open, really_parse = io.open, json.loads

        def opening(file: Any, *args: Any, **kwargs: Any) -> Any:
            self.opened += isinstance(file, str | Path) and Path(file).stem == "file"
            return really_open(file, *args, **kwargs)

        def parsing(text: Any, *args: Any, **kwargs: Any) -> Any:
            self.parsed += (text if isinstance(text, str) else bytes(text).decode()).strip() == self.text.strip()
            return really_parse(text, *args, **kwargs)

        monkeypatch.setattr(io, "open", opening)
        monkeypatch.setattr("builtins.open", opening)
        monkeypatch.setattr(json, "loads", parsing)

    def pipe(self, data: bytes) -> io.TextIOWrapper:
        """Standard input that counts how often it ends."""
        reads = self

        class Counted(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                found = super().read(size)
                reads.ended += not found
                return found

        return io.TextIOWrapper(Counted(data))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    np.save("e.npy", [4.0, 1.0, 0.25])
    np.save("s.npy", RNG.normal(size=(20, 3)))
    np.save("p.npy", COVARIANCE)
    Path("m.npz").write_bytes(MIXTURE)
    Path("o.npz").write_bytes(outputs())
    Path("c.json").write_bytes(CONFIG)
    for name, more in (("e", []), ("t", ["--scheduler-config", "c.json"])):
        assert main(["optimize", "e.npy", "-n", "3", "-q", "-o", f"{name}.json", *more]) == 0

    def go(line: str, data: bytes = b"", pipe: Any = lambda data: io.TextIOWrapper(io.BytesIO(data))) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", pipe(data))
        capsys.readouterr()
        code = main(line.split())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return go


@pytest.mark.parametrize("argument", CASES, ids=" ".join)
def test_a_pipe_is_what_the_file_is(argument: tuple[str, str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    line, data, suffix = CASES[argument]
    Path(f"file.{suffix}").write_bytes(data)
    reads = Reads(monkeypatch)
    if suffix == "json":
        reads.text = data.decode()
    code, out, err = run(line.format(f"file.{suffix}"))
    assert code in (0, 4), err
    if argument not in STREAMED:
        assert (reads.opened, reads.parsed) == (1, suffix == "json")
    reads.parsed = 0
    piped = run(line.format("-"), data, reads.pipe)
    assert piped[0] == code, piped[2]
    # What is read of a pipe is kept: a second reading finds nothing in it.
    assert (reads.ended, reads.parsed) == (1, suffix == "json")
    # The source has another name, and a list no name to tell its kind by.
    names = re.compile(rf'standard input|file\.{suffix}|(?<=")(?:grid_1|file)(?=")')
    assert names.sub("-", out) == names.sub("-", piped[1])
    assert not Path("-").exists()


def test_every_argument_that_is_a_file_is_tried() -> None:
    """By the metavar of its flag, and every positional argument of every command."""
    tried = {name for _, name in CASES}
    shared = [flag for verb in VERBS for flag in flags_of(verb).values()]
    flags = {*shared, *(flag for own in OWN.values() for flag in own)}
    files = {f.name for f in (*flags, *OUTPUT) if f.metavar in ("FILE", "FILE.npz", "GRID", "SPECTRUM") or "FILE" in f.help}
    assert files - set(WRITTEN) <= tried
    assert {c.partition(" ")[0] for c, _ in CASES} >= set(COMMANDS) - {"list", "schema", "help"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("evaluate - -", "SPECTRUM and GRID"), ("optimize - --alphas-cumprod - --process table", "SPECTRUM and --alphas-cumprod"),
        ("evaluate e.npy - --score-error curve:-", "GRID and --score-error"), ("simulate --mixture - -", "GRIDS and --mixture"),
        ("siem - --reference -", "FILE and --reference"),
        ("spectrum posterior - --operator matrix:- --noise 1", "PRIOR and --operator"),
        ("spectrum estimate - --labels -", "PATH and --labels"), ("compare-schedules - --add -", "SPECTRUM and --add"),
        ("compare-schedules e.npy --add - --add -", "--add and --add"),
        ("export - --to comfyui --spectrum -", "SCHEDULE and --spectrum"),
    ],
)  # fmt: skip
def test_two_of_one_pipe_are_refused_in_a_line(line: str, words: str, run: Run) -> None:
    code, out, err = run(line, EIG)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{words} cannot both come from standard input" in err


@pytest.mark.parametrize("flag", ["--plot", "--html", "--error-map", "--kernel"])
def test_pictures_and_pages_do_not_mix_with_the_result(flag: str, run: Run) -> None:
    verb = {"--html": "compare-schedules", "--error-map": "convergence", "--kernel": "error-budget"}.get(flag, "optimize")
    code, out, err = run(f"{verb} e.npy -n 2 {flag} -")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(rf"{flag} -: standard output is for the result; name a file", err)
    assert not Path("-").exists()


def test_another_file_given_to_siem_is_told_what_it_expects(run: Run) -> None:
    assert run("spectrum convert e.npy -o own.npz")[0] == 0
    for name in ("own.npz", "e.npy", "absent.npz"):
        code, out, err = run(f"siem {name}")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "expected the outputs of a score network" in err
