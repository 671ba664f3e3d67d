"""Grids in every form that people and diffopt itself write; flow times; tables of three digits; lists that are no grid."""

from __future__ import annotations

import codecs
import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.documents.grid_file import check_order, clipped, parse_sigmas, read_grid_file
from diffopt.errors import InputError
from diffopt.foundation.notes import listening
from diffopt.processes import Flow, TrainedLevels
from diffopt.processes.beta_rules import alphas_from_betas

pytestmark = pytest.mark.usefixtures("no_optimum")

SIGMAS = [80.0, 5.0, 1.0, 0.0]
EIG = np.array([4.0, 1.0, 0.25, 0.01])


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.txt").write_text("4 1 0.25 0.01")


@pytest.fixture
def run(capsys):
    """Call the command line in process: (exit code, stdout, stderr)."""

    def call(*argv):
        code = main([str(a) for a in argv])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


def by_hand(sigmas):
    """Frechet error of Euler's steps in the noise ratio, exact start, one direction at a time."""
    x = np.sqrt(EIG + sigmas[0] ** 2)
    for high, low in zip(sigmas[:-1], sigmas[1:], strict=True):
        x = x * (1 + (low - high) * high / (EIG + high**2))
    return math.sqrt(((x - np.sqrt(EIG)) ** 2).sum())


TEXT = json.dumps({"sigmas": SIGMAS})
#: Name and bytes of files that all say SIGMAS.
FORMS = {
    "object.json": TEXT.encode(), "list.json": b"[80, 5, 1, 0]", "bom.json": codecs.BOM_UTF8 + TEXT.encode(),
    "utf16.json": TEXT.encode("utf-16"), "utf16be.json": TEXT.encode("utf-16-be"), "lines.txt": b"80\n5\n1\n0\n",
    "blanks.txt": b"80 5 1 0", "commas.txt": b"80, 5, 1, 0", "semicolons.csv": b"80;5;1;0\n", "decimal.csv": b"80,0;5,0;1,0;0,0",
    "brackets.txt": b"[80., 5., 1., 0.]", "windows.txt": "80\r\n5\r\n1\r\n0\r\n".encode("utf-16"),
    "tensor.txt": b"tensor([80., 5., 1., 0.])",
    "frame.csv": b",0\n0,80\n1,5\n2,1\n3,0\n", "named.csv": b"sigma\n80\n5\n1\n0\n", "no_suffix": b"80 5 1 0",
    "json_in.txt": b"[80,5,1,0]",
}  # fmt: skip


@pytest.mark.parametrize("name", [*FORMS, "g.npy", "g.npz"])
def test_every_form_is_the_same_grid(run, tmp_path, name):
    if name == "g.npy":
        np.save(name, SIGMAS)
    elif name == "g.npz":
        np.savez(name, sigmas=SIGMAS, other=[1.0, 2.0])
    else:
        (tmp_path / name).write_bytes(FORMS[name])
    for arguments in (("e.txt", name), ("e.txt", "--sigmas", name)):
        code, out, err = run("evaluate", *arguments)
        assert code == 0, err
        assert json.loads(out)["sigmas"] == SIGMAS
        assert json.loads(out)["errors"]["frechet"] == pytest.approx(by_hand(SIGMAS), rel=1e-12)
    code, out, err = run("compare-schedules", "e.txt", "--add", name, "-n", "3", "--only", "karras")
    assert code == 0, err
    assert next(r["sigmas"] for r in json.loads(out)["rows"] if r["kind"] == "added") == SIGMAS


@pytest.mark.parametrize("form", ["json", "csv", "markdown", "lines"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("solver", ["euler", "ddim"])
def test_what_is_written_is_read_back(run, tmp_path, form, coding, solver):
    """In the codings of a Windows shell too; ddim has a column eta."""
    code, out, err = run("evaluate", "e.txt", "--schedule", "karras", "-n", "5", "-s", solver, "--format", form)
    assert code == 0, err
    suffix = {"json": ".json", "csv": ".csv", "markdown": ".md", "lines": ".txt"}[form]
    (tmp_path / f"g{suffix}").write_bytes(out.encode(coding))
    wish = diffopt.evaluate("e.txt", schedule="karras", steps=5).sigmas
    code, again, err = run("evaluate", "e.txt", f"g{suffix}", "-s", solver)
    assert code == 0, err
    tolerance = {"json": 0, "csv": 0, "markdown": 1e-3, "lines": 1e-8}[form]
    np.testing.assert_allclose(json.loads(again)["sigmas"], wish, rtol=tolerance)


@pytest.mark.parametrize("form", ["csv", "json", "markdown"])
def test_the_noise_of_a_written_grid_is_read_back(run, tmp_path, form):
    code, out, _ = run("evaluate", "e.txt", "--schedule", "karras", "-n", "4", "-s", "ddim", "--eta", "0.5", "--format", form)
    assert code == 0
    name = {"json": "g.json", "csv": "g.csv", "markdown": "g.md"}[form]
    (tmp_path / name).write_text(out)
    code, again, err = run("evaluate", "e.txt", name, "-s", "ddim")
    assert code == 0, err
    assert json.loads(again)["eta"] == [0.5] * 4


#: Lists that are no grid: what is given and a word of the message.
NO_GRID = {
    "reversed": ("0,1,5,80", "reverse"), "unsorted": ("80,1,5,0", "1 is followed by 5"),
    "twice": ("80,5,5,0", "5 is followed by 5"),
    "one": ("80", "two numbers"), "negative": ("80,5,-1", ">= 0"), "nan": ("80,nan,0", ">= 0"),
    "words": ("80,5,x,0", "'x' is no number"),
    "two separators": ("80,20 5,1", "both separate"), "underscores": ("8_0,5,0", "no number"), "empty": ("80,,0", "empty"),
    "overflow": ("1e999,1,0", "too large"), "a table": ("80 5\n1 0", "one list"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_GRID)
def test_lists_that_are_no_grid(run, name):
    given, word = NO_GRID[name]
    code, out, err = run("evaluate", "e.txt", "--sigmas", given)
    assert (code, out) == (2, "")
    assert word in err
    assert err.count("\n") == 1


def test_files_that_are_no_grid(run, tmp_path):
    cases = {
        "up.txt": ("0\n1\n5\n80\n", "reverse"), "rows.json": ('{"rows": [{"sigmas": [2, 1]}]}', "not one grid"),
        "a.json": ("3", "list"),
        "text.json": ('["5", "1"]', "without quotes"), "texts.json": ('{"sigmas": ["5", "1"]}', "sigmas.0"),
        "steps.json": ('{"sigmas": [5, 1], "steps": 3}', "3 steps"), "kind.json": ('{"sigmas": [5, 1], "steps": "1"}', "steps"),
        "eta.json": ('{"sigmas": [5, 1, 0], "eta": [0.1]}', "eta"), "true.json": ('{"sigmas": [true, 0]}', "sigmas.0"),
        "solver.json": ('{"sigmas": [5, 1], "solver": 3}', "solver"),
        "process.json": ('{"sigmas": [5, 1], "process": {"name": ["ve"]}}', "process.name"),
        "betas.json": ('{"sigmas": [5, 1], "process": {"name": "table", "betas": 5}}', "process.betas"),
        "min.json": ('{"sigmas": [5, 1], "process": {"name": "vp_linear", "beta_min": "x"}}', "beta_min"),
        "unknown.json": ('{"sigmas": [5, 1], "process": {"name": "nothing"}}', "nothing"),
        "option.json": ('{"sigmas": [5, 1], "solver_options": {"solver": 1.0}}', "solver"),
        "options.json": ('{"sigmas": [5, 1], "solver_options": [1]}', "solver_options"),
        "none.json": ('{"times": [1, 0]}', "sigmas"), "gaps.csv": ("sigma,eta\n5,1\n3,\n1,1\n0,\n", "gaps"),
        "empty.npz": ("", "empty"),
    }  # fmt: skip
    for name, (text, word) in cases.items():
        (tmp_path / name).write_text(text)
        code, out, err = run("evaluate", "e.txt", name)
        assert (code, out) == (2, ""), (name, err)
        assert word in err, (name, err)
        assert err.count("\n") == 1


# --- flow -----------------------------------------------------------------------------------------

TIMES = [1.0, 0.9, 0.75, 0.5, 0.0]


def test_every_form_goes_to_a_host(run):
    """Arrays are no text: what export and check ask beside the grid is not asked of them."""
    np.save("g.npy", SIGMAS)
    np.savez("g.npz", sigmas=SIGMAS)
    for name, data in {"g.txt": b"80 5 1 0", "g.json": b"[80, 5, 1, 0]", "g.json.gz": gzip.compress(b"[80, 5, 1, 0]")}.items():
        Path(name).write_bytes(data)
    names = ("g.json", "g.json.gz", "g.npy", "g.npz")
    assert len({run("export", name, "--to", "k_diffusion") for name in (*names, "g.txt")}) == 1
    assert len({run("check", name, "--host", "k_diffusion") for name in names}) == 1
    assert run("check", "g.npy", "--host", "k_diffusion")[0] == 0


def flow_by_hand(times):
    """Euler along the straight path from pure noise (theory.md, eq. 9), one direction at a time."""
    x = np.ones(4)
    for p, q in zip(times[:-1], times[1:], strict=True):
        x = x * (1 + (q - p) * (p - (1 - p) * EIG) / ((1 - p) ** 2 * EIG + p * p))
    return math.sqrt(((np.abs(x) - np.sqrt(EIG)) ** 2).sum())


def test_times_of_flow(run, tmp_path):
    assert flow_by_hand(TIMES) == pytest.approx(0.763526, abs=1e-6)
    listed = ",".join(map(str, TIMES))
    (tmp_path / "t.txt").write_text("\n".join(map(str, TIMES)))
    (tmp_path / "t.csv").write_text("s\n" + "\n".join(map(str, TIMES)))
    for arguments in (("--times", listed), ("--times", "t.txt"), ("t.csv",)):
        code, out, err = run("evaluate", "e.txt", "--process", "flow", *arguments)
        assert code == 0, err
        assert json.loads(out)["errors"]["frechet"] == pytest.approx(flow_by_hand(TIMES), rel=1e-9)
        assert json.loads(out)["times"] == pytest.approx(TIMES)


def test_noise_ratios_that_are_times_of_flow_are_refused(run, tmp_path):
    listed = ",".join(map(str, TIMES))
    (tmp_path / "t.txt").write_text("\n".join(map(str, TIMES)))
    (tmp_path / "t.json").write_text(json.dumps({"sigmas": TIMES}))
    for arguments in (("--sigmas", listed), ("t.txt",), ("t.json",)):
        code, out, err = run("evaluate", "e.txt", "--process", "flow", *arguments)
        assert (code, out) == (2, "")
        assert "--times" in err
    code, out, err = run("compare-schedules", "e.txt", "--process", "flow", "-n", "4", "--only", "uniform_t", "--add", listed)
    assert (code, "--times" in err) == (2, True)
    code, out, err = run("evaluate", "e.txt", "--process", "flow", "--sigmas", "1.5,0.9,0")
    assert code == 0, err
    code, out, err = run("evaluate", "e.txt", "--sigmas", "1,0.9,0")
    assert code == 0, err


def test_times_beside_schedules(run):
    added = "times:" + ",".join(map(str, TIMES))
    code, out, err = run("compare-schedules", "e.txt", "--process", "flow", "-n", "4", "--only", "uniform_t", "--add", added)
    assert code == 0, err
    row = next(r for r in json.loads(out)["rows"] if r["kind"] == "added")
    assert row["frechet"] == pytest.approx(flow_by_hand(TIMES), rel=1e-9)


@pytest.mark.parametrize("listed", ["1000,900,750,500,0", "1000 500 0"])
def test_timesteps_of_flow_are_refused(run, listed):
    code, out, err = run("evaluate", "e.txt", "--process", "flow", "--sigmas", listed)
    assert (code, out) == (2, "") and "look like timesteps, 1000 s; use --times 1,0." in err
    assert run("evaluate", "e.txt", "--process", "flow", "--sigmas", "1000.5,900,0")[0] == 0


def test_noise_ratios_of_flow_that_start_below_one_are_said(run):
    """They may be times: 0.9998 is where some models start."""
    code, _, err = run("evaluate", "e.txt", "--process", "flow", "--sigmas", "0.9998,0.9,0.5,0")
    assert code == 0 and "read as noise ratios, from s = 0.4999 on; if these are times s of flow, use --times" in err


@pytest.mark.parametrize(("name", "values", "wish"), [
    ("t", "1\n0.9\n0.75\n0.5\n0", 0), ("s", "1\n0.9\n0.75\n0.5\n0", 0), ("time", "1\n0.9\n0.75\n0.5\n0", 0),
    ("timestep", "1000\n900\n0", 2), ("t", "1000\n900\n0", 2), ("timesteps", "999\n500\n0", 2), ("sigma", "1\n0.9\n0", 2),
])  # fmt: skip
def test_the_name_of_a_column_says_what_it_holds(run, tmp_path, name, values, wish):
    """Times are times, timesteps are no noise ratios; a file is named in what to try."""
    (tmp_path / "g.csv").write_text(f"{name}\n{values}\n")
    code, out, err = run("evaluate", "e.txt", "g.csv", "--process", "flow")
    assert code == wish, err
    if code == 0:
        assert json.loads(out)["errors"]["frechet"] == pytest.approx(flow_by_hand(TIMES), rel=1e-9)
    else:
        assert "holds timesteps" in err or "use --times g.csv" in err


def test_flow_is_written_as_its_hosts_read_it(run, tmp_path):
    """Lines are in [0, 1] from 1, as ComfyUI's ManualSigmas takes them; csv leads with the column s; both are read back."""
    code, out, err = run("optimize", "e.txt", "--process", "flow", "-n", "4", "--format", "lines")
    assert code == 0, err
    times = [float(line) for line in out.split()]
    assert times[0] == 1
    assert times[-1] == 0
    assert all(a > b for a, b in zip(times[:-1], times[1:], strict=True))
    assert "times s" in err
    (tmp_path / "g.txt").write_text(out)
    code, again, err = run("evaluate", "e.txt", "--process", "flow", "--times", "g.txt")
    assert code == 0, err
    assert json.loads(again)["errors"]["frechet"] == pytest.approx(flow_by_hand(times), rel=1e-9)
    for form, name in (("csv", "g.csv"), ("json", "g.json")):
        code, out, _ = run("optimize", "e.txt", "--process", "flow", "-n", "4", "--format", form)
        (tmp_path / name).write_text(out)
        if form == "csv":
            assert out.splitlines()[0].startswith("step,s,sigma")
        code, again, err = run("evaluate", "e.txt", name, "--process", "flow")
        assert code == 0, err
        assert json.loads(again)["errors"]["frechet"] == pytest.approx(flow_by_hand(json.loads(again)["times"]), rel=1e-9)


def test_python_reads_the_same_forms(tmp_path):
    (tmp_path / "t.txt").write_text("1 0.9 0.75 0.5 0")
    found = diffopt.evaluate("e.txt", times="t.txt", process="flow")
    assert found.errors["frechet"] == pytest.approx(flow_by_hand(TIMES), rel=1e-9)
    with pytest.raises(InputError, match="use times="):
        diffopt.evaluate("e.txt", sigmas=TIMES, process="flow")


# --- tables of three digits -----------------------------------------------------------------------

SD = "scaled_linear:0.00085,0.012,1000"
#: Align Your Steps for Stable Diffusion 1.5, as NVIDIA publishes it (ten steps).
AYS = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029]


@pytest.mark.parametrize("end", [[], [0.0]])
def test_published_tables_are_clipped_with_a_note(run, end):
    listed = ",".join(map(str, AYS + end))
    process = ("--process", "table", "--betas", SD)
    code, out, err = run("evaluate", "e.txt", *process, "--sigmas", listed)
    assert code == 0, err
    sigmas = json.loads(out)["sigmas"]
    high, low = TrainedLevels(alphas_from_betas(SD)).sigma_limits
    assert sigmas[0] == high == pytest.approx(14.6146, rel=1e-5)
    assert sigmas[10] == low == pytest.approx(0.0291672, rel=1e-5)
    assert sigmas[1:10] == AYS[1:10]
    assert err.count("clipped") == 2
    steps = str(len(AYS + end) - 1)
    code, out, err = run("compare-schedules", "e.txt", *process, "--add", listed, "-n", steps, "--only", "karras")
    assert code == 0, err
    assert "clipped" in err


def test_more_than_one_percent_is_refused(run):
    for listed, word in (("14.8,1,0", "above"), ("14,1,0.0287", "below")):
        code, out, err = run("evaluate", "e.txt", "--process", "table", "--betas", SD, "--sigmas", listed)
        assert (code, out) == (2, "")
        assert word in err


def test_clipping_leaves_what_is_inside():
    process = TrainedLevels(alphas_from_betas(SD))
    with listening() as heard:
        assert clipped([14.0, 1.0, 0.0], process, "x") == [14.0, 1.0, 0.0]
        assert clipped([math.inf, 1.0, 0.0], Flow(), "x") == [math.inf, 1.0, 0.0]
    assert heard == []


def test_a_config_of_the_model(run, tmp_path):
    """Sigmas of the trailing grid at timesteps 999, 749, ... are those of the table."""
    settings = {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    (tmp_path / "scheduler_config.json").write_text(json.dumps({**settings, "num_train_timesteps": 1000}))
    code, out, err = run("evaluate", "e.txt", "--scheduler-config", "scheduler_config.json", "--schedule", "trailing", "-n", "4")
    assert code == 0, err
    assert "process table" in err
    table = alphas_from_betas(SD)
    wish = [math.sqrt(1 / table[round(t)] - 1) for t in json.loads(out)["timesteps"]]
    assert json.loads(out)["timesteps"][0] == pytest.approx(999)
    assert json.loads(out)["sigmas"][0] == pytest.approx(wish[0], rel=1e-6)
    (tmp_path / "g.json").write_text(out)
    code, again, err = run("evaluate", "e.txt", "g.json")
    assert code == 0, err
    assert json.loads(again)["errors"] == json.loads(out)["errors"]
    code, out, err = run("evaluate", "e.txt", "--scheduler-config", ".", "--process", "flow", "--schedule", "trailing")
    assert (code, "leave one out" in err) == (2, True)


def test_zero_terminal_snr_in_a_run(run):
    process = ("--process", "table", "--betas", SD + ":zero_snr")
    code, out, err = run("evaluate", "e.txt", *process, "--schedule", "trailing", "-n", "10", "-s", "ddim")
    assert code == 0, err
    assert json.loads(out)["sigmas"][0] is None
    assert json.loads(out)["timesteps"][:2] == pytest.approx([999, 899])
    code, out, err = run("optimize", "e.txt", *process, "-n", "3", "-s", "ddim")
    assert code == 0, err
    assert json.loads(out)["sigmas"][0] is None
    assert json.loads(out)["timesteps"][0] == 999


def test_orders_and_names():
    check_order([3, 2, 1], "x")
    assert parse_sigmas("inf 3 0") == [math.inf, 3, 0]
    with pytest.raises(InputError, match="two numbers"):
        check_order([1.0], "x")
    for name in ("x" * 4000, "a\0b", "none.json"):
        with pytest.raises(InputError):
            read_grid_file(name)
        with pytest.raises(InputError):
            parse_sigmas(name)


@pytest.mark.parametrize("flag", ["--times", "--sigmas"])
@pytest.mark.parametrize("form", ["json", "csv", "markdown"])
@pytest.mark.parametrize("process", ["flow", "vp_linear", "vp_cosine"])
def test_a_file_that_names_its_numbers_is_believed(run, tmp_path, flag, form, process):
    """Noise ratios below 1 under --times, and times under --sigmas, would be another grid without a word."""
    flags = ("e.txt", "--process", process)
    code, out, err = run("optimize", *flags, "--sigma-max", "0.9", "-n", "3", "--format", form)
    assert code == 0, err
    suffix = {"markdown": "md"}.get(form, form)
    (tmp_path / f"g.{suffix}").write_text(out)
    code, out, err = run("optimize", *flags, "--sigma-max", "0.9", "-n", "3", "--format", "json")
    sigmas = json.loads(out)["sigmas"]
    code, out, err = run("evaluate", *flags, flag, f"g.{suffix}", "--format", "json")
    assert code == 0, err
    assert json.loads(out)["sigmas"] == pytest.approx(sigmas, rel=1e-3)


@pytest.mark.parametrize("flag", ["--times", "--sigmas"])
def test_a_column_of_times_is_believed(run, tmp_path, flag):
    (tmp_path / "g.csv").write_text("s\n0.5\n0.2\n0\n")
    code, out, err = run("evaluate", "e.txt", "--process", "flow", flag, "g.csv", "--format", "json")
    assert code == 0, err
    assert json.loads(out)["sigmas"] == pytest.approx([1, 0.25, 0])


def test_sigmas_of_flow_that_are_times_can_be_said_so(run, tmp_path):
    """Libraries call the times of flow sigmas: the flag decides where the file names no times."""
    (tmp_path / "g.csv").write_text("sigmas\n1\n0.5\n0\n")
    code, out, err = run("evaluate", "e.txt", "--process", "flow", "--times", "g.csv", "--format", "json")
    assert code == 0, err
    assert json.loads(out)["sigmas"] == [None, 1, 0]
    code, _, err = run("evaluate", "e.txt", "--process", "flow", "--sigmas", "g.csv")
    assert code == 2 and "use --times g.csv" in err


@pytest.mark.parametrize(
    ("process", "sigmas", "said"),
    [("table", [1.0, 0.8, 0.3, 0.0], True), ("table", [0.9, 0.3, 0.0], True), ("table", [14.0, 1.0, 0.3, 0.0], False),
     ("table", [0.4, 0.1, 0.0], False), ("ve", [1.0, 0.8, 0.3, 0.0], True), ("ve", [0.9, 0.3, 0.0], False)],
)  # fmt: skip
def test_noise_ratios_from_one_down_are_said_to_look_like_times_of_a_flow_model(process, sigmas, said):
    betas = {"betas": "scaled_linear:0.00085,0.012,1000"} if process == "table" else {}
    found = diffopt.evaluate([4.0, 0.5], solver="euler", sigmas=sigmas, process=process, **betas)
    notes = [line for line in found.notes if "look like times s of a flow model" in line]
    assert len(notes) == said
    assert all(f"starts at {sigmas[0]:g} and is read as noise ratios of process {process}" in line for line in notes)
