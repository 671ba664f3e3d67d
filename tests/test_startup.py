"""Help is quick: no command's --help loads numerics or pydantic; no work loads optional packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import diffopt

ROOT = Path(diffopt.__file__).parents[1]
HEAVY = (
    "numpy", "scipy", "scipy.optimize", "scipy.stats", "pydantic", "matplotlib", "torch", "diffusers", "sklearn", "h5py", "zarr",
    "dask", "PIL",
)  # fmt: skip

SCRIPT = """
import io, json, sys, contextlib
from diffopt.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    code = main({argv!r})
print(json.dumps([code, sorted(m for m in {heavy!r} if m in sys.modules)]))
"""


def loaded(argv, cwd=None):
    """(exit code, heavy packages loaded) of a command in a fresh process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script = SCRIPT.format(argv=argv, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=environment, cwd=cwd)
    return tuple(json.loads(done.stdout))


def commands():
    """Every command and sub-command, from the application itself."""
    from typer.main import get_command

    from diffopt.cli.app import application

    found = []

    def walk(command, path):
        found.append(path)
        for name, child in getattr(command, "commands", {}).items():
            walk(child, [*path, name])

    walk(get_command(application()), [])
    return found


@pytest.mark.parametrize("path", commands(), ids=lambda p: " ".join(p) or "diffopt")
def test_help_loads_nothing_heavy(path):
    assert loaded([*path, "--help"]) == (0, [])


def test_version_loads_nothing_heavy():
    assert loaded(["--version"]) == (0, [])


def test_the_main_job_loads_no_optional_package(tmp_path):
    code, heavy = loaded(["optimize", "builtin:white", "-n", "3", "-q"], tmp_path)
    assert code == 0
    assert set(heavy) == {"numpy", "scipy", "pydantic"}
