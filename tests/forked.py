"""Commands in processes of their own that begin with the package loaded: a start costs milliseconds instead of a second."""

from __future__ import annotations

import multiprocessing
import os
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["diffopt.cli.main", *(f"diffopt.api.{verb}" for verb in ("optimize", "evaluate", "compare", "estimate", "check", "export"))]
)


def plain(line: str) -> bool:
    """Whether a line is one command of the package, without pipes and redirections."""
    return line.startswith("diffopt ") and not set(line) & set("|<>&;$`*")


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a plain line in `folder`, with warnings as errors, as `python -W error -m diffopt` does."""
    out, err = folder / ".stdout", folder / ".stderr"
    process = _CONTEXT.Process(target=_child, args=(shlex.split(line)[1:], str(folder), str(out), str(err)))
    process.start()
    process.join(240)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(line)
    texts = [path.read_text(encoding="utf-8") for path in (out, err)]
    out.unlink()
    err.unlink()
    return subprocess.CompletedProcess(line, process.exitcode, *texts)


def _child(words: list[str], folder: str, out: str, err: str) -> None:
    """Streams, folder and surroundings of a command, then the command."""
    os.chdir(folder)
    os.environ.update({"COLUMNS": "100", "HOME": folder})
    warnings.simplefilter("error")
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = open(1, "w", encoding="utf-8"), open(2, "w", encoding="utf-8")
    from diffopt.cli.main import main

    code = main(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
