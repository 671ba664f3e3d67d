"""Commands in processes of their own that begin with the package loaded: a start costs milliseconds instead of a second."""

from __future__ import annotations

import multiprocessing
import os
import shlex
import subprocess
import sys
import warnings
from multiprocessing import forkserver
from pathlib import Path
from typing import TextIO

_CONTEXT = multiprocessing.get_context("forkserver")
LOADED = (
    "diffopt.cli.main", *(f"diffopt.api.{verb}" for verb in ("optimize", "evaluate", "compare", "estimate", "check", "export")),
)  # fmt: skip
_CONTEXT.set_forkserver_preload(list(LOADED))


def started(*modules: str) -> None:
    """Start the process that others are forked from, with more modules loaded; one that runs already stays as it is."""
    _CONTEXT.set_forkserver_preload([*LOADED, *modules])
    forkserver.ensure_running()


def plain(line: str) -> bool:
    """Whether a line is one command of the package, without pipes and redirections."""
    return line.startswith("diffopt ") and not set(line) & set("|<>&;$`*")


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a plain line in `folder`, with warnings as errors, as `python -W error -m diffopt` does."""
    code, out, err = streamed(shlex.split(line)[1:], folder)
    return subprocess.CompletedProcess(line, code, out.decode("utf-8"), err)


def streamed(
    words: list[str], folder: Path, out: str = "file", err: str = "file", encoding: str = "utf-8", gone: bool = False
) -> tuple[int, bytes, str]:
    """Run a command in `folder`: (exit code, stdout, stderr).

    `out` and `err` are `file`, `full` (no space left), `closed`, or `left` (a pipe that nobody reads any more); `gone` takes
    the folder away before.
    """
    kept = {1: Path(folder, ".stdout"), 2: Path(folder, ".stderr")}
    for path in kept.values():
        path.write_bytes(b"")
    process = _CONTEXT.Process(target=_child, args=(words, str(folder), {1: out, 2: err}, encoding, gone))
    process.start()
    process.join(240)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(words)
    texts = [path.read_bytes() for path in kept.values()]
    for path in kept.values():
        path.unlink()
    return process.exitcode, texts[0], texts[1].decode("utf-8", "replace")


def _child(words: list[str], folder: str, streams: dict[int, str], encoding: str, gone: bool) -> None:
    """Streams, folder and surroundings of a command as an interpreter finds them, then the command."""
    os.chdir(folder)
    os.environ.update({"COLUMNS": "100", "HOME": folder})
    warnings.simplefilter("error")
    made = {number: _stream(number, kind, encoding) for number, kind in streams.items()}
    sys.stdout, sys.stderr = made[1], made[2]  # type: ignore[assignment]
    if gone:
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir("../gone")
    from diffopt.cli.main import main

    code = main(words)
    # What the interpreter does at its end, and must not complain about.
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    os._exit(code)


def _stream(number: int, kind: str, encoding: str) -> TextIO | None:
    """Make the stream of a number; None where the shell has closed it."""
    if kind == "closed":
        os.close(number)
        return None
    if kind == "left":
        read, write = os.pipe()
        os.close(read)
    else:
        place = "/dev/full" if kind == "full" else {1: ".stdout", 2: ".stderr"}[number]
        write = os.open(place, os.O_WRONLY | os.O_TRUNC)
    os.dup2(write, number)
    os.close(write)
    return open(number, "w", encoding=encoding, errors="strict" if number == 1 else "backslashreplace")
