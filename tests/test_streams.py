"""Streams and files as a shell may leave them: closed, full, read no further, in other encodings; names of any bytes."""

from __future__ import annotations

import io
import json
import os
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from forked import streamed

import diffopt
from diffopt.cli.main import main
from diffopt.cli.output import note
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents.spectrum_formats import to_json
from diffopt.errors import InputError
from diffopt.foundation.atomic import check_distinct, check_target, write_atomic
from diffopt.foundation.shown import cell, markdown, text, visible
from diffopt.report import spectrum as spectrum_report
from diffopt.report.terminal import rows_table, to_terminal
from diffopt.report.text import to_csv, to_markdown
from diffopt.report.text import to_json as report_json

ROOT = Path(diffopt.__file__).parents[1]
DIFFOPT = f"{sys.executable} -m diffopt"

#: A short run of every command that writes to standard output.
COMMANDS = {
    "optimize": "optimize e.txt -n 2",
    "evaluate": "evaluate e.txt --schedule karras -n 3",
    "compare-schedules": "compare-schedules e.txt -n 2 --only karras,uniform_t",
    "convergence": "convergence e.txt -s euler --metric frechet --sigma-min 0.1 -n 8,16",
    "eta": "eta e.txt -n 3 --design constant --noise-objective exact --clock sigma",
    "list": "list solvers",
    "schema": "schema",
    "show": "spectrum show e.txt",
    "show as a table": "spectrum show e.txt --format table",
    "convert": "spectrum convert e.txt",
    "posterior": "spectrum posterior e.txt --operator diagonal:1 --noise 0.1",
    "estimate": "spectrum estimate samples.csv",
    "help": "--help",
    "version": "--version",
}


def shell(line, folder, **environment):
    """Run a line of bash: (exit code, stdout, stderr)."""
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=settings, capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=120
    )
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "e.txt").write_text("4 1 0.25 0.01")
    np.savetxt(tmp_path / "samples.csv", np.random.default_rng(0).normal(size=(30, 3)), delimiter=",")
    return tmp_path


#: Commands that are run in a process of the shell's too, to its very end.
REAL = ("evaluate", "list")


def forked(line, folder, **how):
    """Run a plain line of COMMANDS in a process that has the package loaded."""
    return streamed(shlex.split(line), folder, **how)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_goes_is_no_error(folder, name):
    answers = [forked(COMMANDS[name], folder, out="left")]
    answers += [shell(f"set -o pipefail; {DIFFOPT} {COMMANDS[name]} | true", folder)] if name in REAL else []
    for code, _, err in answers:
        assert code == 0, err
        assert "Traceback" not in err
        assert "Broken" not in err


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_one_line_and_exit_1(folder, name):
    answers = [forked(COMMANDS[name], folder, out="full")]
    answers += [shell(f"{DIFFOPT} {COMMANDS[name]} > /dev/full", folder)] if name in REAL else []
    for code, _, err in answers:
        assert code == 1
        assert "No space left" in err.splitlines()[-1]
        assert "Traceback" not in err
        assert "Exception ignored" not in err


@pytest.mark.parametrize("name", ["evaluate", "list", "show", "convert"])
def test_closed_streams(folder, name):
    line = COMMANDS[name]
    real = name in REAL
    code, _, err = shell(f"{DIFFOPT} {line} >&-", folder) if real else forked(line, folder, out="closed")
    assert (code, "Traceback" in err) == (1, False)
    assert "standard output" in err.splitlines()[-1]
    code, out, _ = shell(f"{DIFFOPT} {line} 2>&-", folder) if real else forked(line, folder, err="closed")
    assert code == 0
    assert out
    code, out, _ = shell(f"{DIFFOPT} {line} 2>/dev/full", folder) if real else forked(line, folder, err="full")
    assert code == 0
    assert out


def test_a_closed_standard_input(folder):
    code, _, err = shell(f"{DIFFOPT} evaluate - --schedule karras <&-", folder)
    assert (code, "standard input" in err) == (2, True)


def test_a_terminal_that_knows_ascii_only(folder):
    (folder / "ü λ.txt").write_text("4 1")
    for line in ("spectrum show 'ü λ.txt'", "evaluate 'ü λ.txt' --schedule karras -n 3"):
        code, out, err = forked(line, folder, encoding="ascii")
        assert code == 0, err
        data = json.loads(out.decode("ascii"))
        assert "ü λ.txt" in json.dumps(data, ensure_ascii=False)
    line = f"{DIFFOPT} evaluate 'ü λ.txt' --schedule karras -n 3 --format table"
    code, out, err = shell(line, folder, PYTHONIOENCODING="ascii")
    assert code == 0, err
    assert b"\\u03bb" in out


def test_a_name_that_is_no_text(folder):
    """The bytes are shown; the document is valid UTF-8 and valid JSON."""
    name = os.fsdecode(b"a\xff.txt")
    (folder / name).write_bytes(b"4 1")
    for line in ("spectrum show", "spectrum convert", "evaluate --schedule karras -n 3"):
        code, out, err = streamed([*line.split(), name], folder)
        assert code == 0, err
        assert json.loads(out.decode("utf-8"))
        assert b"\\\\xff" in out
    code, _, err = shell(f"{DIFFOPT} optimize ".encode() + b"$'a\\xff.txt' -n 2 -o grid.json", folder)
    assert code == 0, err
    assert "\\xff" in json.loads((folder / "grid.json").read_text("utf-8"))["spectrum"]["source"]
    code, _, err = streamed(["optimize", "e.txt", "-n", "2", "-o", os.fsdecode(b"b\xff.json")], folder)
    assert code == 0, err
    assert (folder / os.fsdecode(b"b\xff.json")).exists()
    code, _, err = streamed(["optimize", os.fsdecode(b"none\xff.txt")], folder)
    assert (code, "\\xff" in err) == (2, True)


def test_a_folder_that_is_gone(folder):
    words = ["evaluate", f"{folder}/e.txt", "--schedule", "karras", "-n", "3"]
    code, out, err = shell(f"mkdir gone; cd gone; rmdir ../gone; {DIFFOPT} {shlex.join(words)}", folder)
    assert code == 0, err
    assert out
    code, out, err = streamed([*words, "-o", "grid.json"], folder, gone=True)
    assert (code, out) == (2, b"")
    assert "cannot be written" in err


def test_standard_output_by_its_names(folder):
    line = "evaluate e.txt --schedule karras -n 3 -o"
    answers = [forked(f"{line} {name}", folder) for name in ("-", "/dev/stdout")]
    answers.append(shell(f"{DIFFOPT} {line} /dev/stdout | cat", folder))
    for code, out, err in answers:
        assert code == 0, err
        assert json.loads(out)["schema"] == "diffopt.evaluation/1"
    assert not (folder / "-").exists()


# --- files that are written -----------------------------------------------------------------------


def test_targets_that_are_refused(tmp_path, monkeypatch):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "there").write_text("x")
    listening = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(tmp_path)
    listening.bind("socket")
    cases = {
        "loop": "circle", ".": "directory", "none/a": "does not exist", "there": "--force", "socket": "regular",
        "there/a": "does not exist", "x" * 300: "cannot be written", "a\0b": "cannot be written",
    }  # fmt: skip
    for name, word in cases.items():
        for act in (lambda p: check_target(p), lambda p: write_atomic(p, b"new")):
            with pytest.raises(InputError, match=word):
                act(f"{tmp_path}/{name}")
    assert (tmp_path / "there").read_text() == "x"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["loop", "socket", "there"]
    listening.close()


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout", "pipe"])
@pytest.mark.parametrize("line", ["optimize e.txt -n 2", "spectrum convert e.txt", "spectrum estimate samples.csv --mean"])
def test_pipes_and_devices_take_the_result_as_it_comes(line, name, folder):
    """Without --force, although they exist; nothing is put in their place."""
    os.mkfifo(folder / "pipe")
    before = {path: os.stat(path).st_mode for path in (folder / "pipe", "/dev/null")}
    heard = []
    reader = threading.Thread(target=lambda: heard.append((folder / "pipe").read_bytes()))
    if name == "pipe":
        reader.start()
    code, out, err = forked(f"{line} -o {name}", folder)
    if name == "pipe":
        reader.join()
    assert (code, "Traceback" in err) == (0, False), err
    text = {"/dev/null": b"{}", "/dev/stdout": out, "pipe": b"".join(heard)}[name]
    assert isinstance(json.loads(text), dict)
    assert (out == b"") == (name != "/dev/stdout")
    assert before == {path: os.stat(path).st_mode for path in before}
    assert sorted(p.name for p in folder.iterdir()) == ["e.txt", "pipe", "samples.csv"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomic(tmp_path / "link", b"new", force=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("links", [True, False])
def test_of_many_writers_one_succeeds(tmp_path, monkeypatch, links):
    """Without --force the name is created once, also where the system has no hard links."""
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(95, "not supported")))
    for turn in range(20):
        outcomes = []
        barrier = threading.Barrier(6)

        def write(number, turn=turn, outcomes=outcomes, barrier=barrier):
            barrier.wait()
            try:
                write_atomic(tmp_path / f"{turn}", str(number).encode() * 1000)
                outcomes.append(number)
            except InputError as error:
                assert "--force" in str(error)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 1
        assert (tmp_path / f"{turn}").read_bytes() == str(outcomes[0]).encode() * 1000
    assert len(list(tmp_path.iterdir())) == 20


def test_without_hard_links_no_empty_file_comes_first(tmp_path, monkeypatch):
    """A kill before the last step leaves nothing under the final name; at no event before it is there a file."""
    seen = []
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(95, "not supported")))
    rename = os.rename

    def watched(old, new):
        seen.append((tmp_path / "a.json").exists())
        rename(old, new)

    monkeypatch.setattr(os, "rename", watched)
    write_atomic(tmp_path / "a.json", b"whole")
    assert seen == [False]
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.json", b"whole")]
    monkeypatch.setattr(os, "rename", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match="No space left"):
        write_atomic(tmp_path / "b.json", b"whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_two_outputs_of_one_name(tmp_path):
    (tmp_path / "a").symlink_to("b")
    with pytest.raises(InputError, match="same file"):
        check_distinct([tmp_path / "a", None, tmp_path / "b"])
    check_distinct([tmp_path / "a", None, None, tmp_path / "c"])


def test_picture_and_document_of_one_name_are_refused_before_work(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.txt").write_text("4 1")
    assert main(["optimize", "e.txt", "-n", "2", "--plot", "same.svg", "-o", "same.svg"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert [p.name for p in tmp_path.iterdir()] == ["e.txt"]


def test_unreadable_files_and_folders(tmp_path, monkeypatch, capsys):
    """A closed folder or file, as the system says it (root reads everything, so its answer is played)."""
    (tmp_path / "e.txt").write_text("4 1")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "e.txt")

    for name in ("read_bytes", "exists", "is_dir", "is_file"):
        with monkeypatch.context() as patch:
            patch.setattr(f"pathlib.Path.{name}", refuse)
            code = main(["evaluate", str(tmp_path / "e.txt"), "--schedule", "karras"])
        captured = capsys.readouterr()
        if name in ("read_bytes",):
            assert (code, captured.out) == (2, "")
            assert "Permission denied" in captured.err
        assert "Traceback" not in captured.err


# --- names are text -------------------------------------------------------------------------------

#: Names that mean something to a terminal, a browser, a spreadsheet, a picture or a table.
HOSTILE = ("[/x]", "[bold]b[/bold]", "[link=http://x]y[/link]", "\x1b[31mred", "a\rb", "a\nb", "<script>", "=1+1", "@x",
           "a|b", "a`b")  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_in_every_table(name):
    row = {"schedule": name, "value": 1.0}
    shown = to_terminal(rows_table([row]), 200, True)
    assert "\x1b[31m" not in shown
    assert "\x1b]8" not in shown
    assert visible(name) in shown
    assert len(to_markdown([row]).splitlines()) == 3
    line = to_markdown([row]).splitlines()[2]
    assert line.replace("\\|", "").count("|") == 3
    assert "<script" not in line
    written = to_csv([row]).splitlines()
    assert len(written) == 2
    assert not written[1].strip('"').startswith(("=", "@", "+", "-"))
    assert json.loads(report_json([row])) == [row]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_in_a_summary(name):
    whole = Spectrum.create([4.0, 1.0], source=name)
    members = Ensemble.create([whole, whole], labels=[name, "other"])
    shown = spectrum_report.summary(whole, {"method": name, "shape": [name], "source_hash": name}, members, 300, True)
    assert "\x1b[31m" not in shown
    assert "\x1b]8" not in shown
    assert shown.count(visible(name)) >= 4
    assert json.loads(to_json(whole, {}, members))["members"][0]["label"] == name


def test_escapes():
    assert text(os.fsdecode(b"a\xff\xc3\xa4")) == "a\\xffä"
    assert visible("a\x1b[0m\u202e\u2028b\U000e0001") == "a\\x1b[0m\\u202e\\u2028b\\U000e0001"
    assert cell("-1") == "'-1"
    assert cell("karras") == "karras"
    assert markdown("a|b<c") == "a\\|b&lt;c"
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="diffopt.escape")
    stream.write(json.dumps("ü\U0001f600", ensure_ascii=False))
    stream.flush()
    assert json.loads(stream.buffer.getvalue()) == "ü\U0001f600"


@pytest.mark.parametrize("form", ["x", "npy", "npz"])
def test_a_form_that_is_refused_leaves_no_picture(form, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["spectrum", "show", "builtin:power2", "--format", form, "--plot", "p.svg"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and list(tmp_path.iterdir()) == []


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [60, 80, 132])
def test_notes_fit_a_terminal_and_are_one_line_elsewhere(width, monkeypatch):
    line = "note: " + "a sentence of words and --a-flag-that-must-not-break " * 6
    monkeypatch.setenv("COLUMNS", str(width))
    for stream, whole in ((Terminal(), False), (io.StringIO(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        note(line, quiet=False)
        told = stream.getvalue().splitlines()
        assert (len(told) == 1) == whole and " ".join(" ".join(told).split()) == line.strip()
        assert whole or max(map(len, told)) <= width
        assert all("--a-flag-that-must-not-break" in part for part in told if "--a-flag" in part)


def test_a_terminal_without_a_size_gets_whole_lines(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda number: os.terminal_size((0, 0)))
    stream = Terminal()
    stream.fileno = lambda: 2  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)
    note("word " * 60, quiet=False)
    assert len(stream.getvalue().splitlines()) == 1
