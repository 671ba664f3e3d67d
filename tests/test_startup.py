"""Help is quick: no command's --help loads numerics or pydantic; no work loads optional packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import diffopt

ROOT = Path(diffopt.__file__).parents[1]
HEAVY = (
    "numpy", "scipy", "scipy.optimize", "scipy.stats", "pydantic", "matplotlib", "torch", "diffusers", "sklearn", "h5py", "zarr",
    "dask", "PIL",
)  # fmt: skip

SCRIPT = """
import io, json, sys, contextlib
from diffopt.cli.main import main
found = []
for argv in {commands!r}:
    before = set(sys.modules)
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(argv)
    found.append([code, sorted(m for m in {heavy!r} if m in set(sys.modules) - before)])
print(json.dumps(found))
"""


def loaded(*commands, cwd=None, heavy=HEAVY):
    """(exit code, heavy packages that it was the first to load) of each command, one after the other in a fresh process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script = SCRIPT.format(commands=commands, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=environment, cwd=cwd)
    return [tuple(line) for line in json.loads(done.stdout)]


def every_command():
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


def test_help_and_version_load_nothing_heavy():
    """All in one process: what the first of them loads stays loaded and is said of it."""
    lines = [["--version"], *([*path, "--help"] for path in every_command())]
    assert len(lines) > 20
    assert dict(zip(map(tuple, lines), loaded(*lines), strict=True)) == {tuple(line): (0, []) for line in lines}


def test_the_main_job_loads_no_optional_package(tmp_path):
    ((code, heavy),) = loaded(["optimize", "builtin:white", "-n", "3", "-q"], cwd=tmp_path)
    assert code == 0
    assert set(heavy) == {"numpy", "scipy", "pydantic"}


#: What the main job on a built-in spectrum has no use for, when nobody hears its answers.
UNUSED = (
    "documents.held_numbers", "documents.numbers", "documents.grid_file", "documents.scheduler_config", "documents.noise_table",
    "documents.loss_curve", "report.answers", "report.noise_answers", "hosts", "search.places", "search.window", "search.integer",
    "solvers.score_error", "processes.beta_rules",
)  # fmt: skip


def test_the_main_job_loads_no_reader_of_files_and_no_answers():
    words = f"{[f'diffopt.{name}' for name in UNUSED]!r}"
    script = (
        "import contextlib, importlib, io, sys; from diffopt.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()): main(['optimize', 'builtin:white', '-n', '3', '-q'])\n"
        f"print([name for name in {words} if name in sys.modules])\n"
        f"for name in {words}: importlib.import_module(name)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_commands_load_no_part_of_scipy_that_they_do_not_use(tmp_path):
    (tmp_path / "samples.csv").write_text("\n".join(f"{i % 7},{i % 5}" for i in range(40)))
    lines = ("eta builtin:white -s ddim -n 2 --design constant", "error-budget builtin:white --samples 100",
             "compare-schedules builtin:white -n 2 --only karras", "spectrum estimate samples.csv -o e.npz",
             "spectrum show e.npz")  # fmt: skip
    codes, heavy = zip(*loaded(*([*line.split(), "-q"] for line in lines), cwd=tmp_path), strict=True)
    assert set(codes) == {0}
    assert set().union(*heavy) == {"numpy", "scipy", "pydantic"}


def test_a_spectrum_is_looked_at_without_what_estimates_one(tmp_path):
    (tmp_path / "two.csv").write_text("4\n1\n")
    posterior = "posterior two.csv --operator diagonal:1 --noise 1"
    lines = [["spectrum", *line.split(), "-q"] for line in ("show builtin:white", "synthesize power_law --dim 4", posterior)]
    first, *others = loaded(*lines, heavy=("diffopt.data", "diffopt.estimation", "diffopt.studies"), cwd=tmp_path)
    assert first == (0, ["diffopt.data"]) and others == [(0, [])] * 2


def test_nothing_is_left_to_collect_as_a_command_ends_and_no_plugin_of_pydantic_is_looked_for():
    """Garbage is looked for among all objects, plugins in what is installed; what the user says of them stays."""
    script = (
        "import atexit, gc, os, sys; from diffopt.cli.main import run; sys.argv = ['diffopt', 'list', 'solvers']\n"
        "def say(): print(len(gc.get_objects()) < 1000 < gc.get_freeze_count(),\n"
        "    os.environ['PYDANTIC_DISABLE_PLUGINS'], file=sys.stderr)\n"
        "atexit.register(say); run()"
    )
    plain = {name: value for name, value in os.environ.items() if name != "PYDANTIC_DISABLE_PLUGINS"}
    for said, expected in (({}, "True __all__\n"), ({"PYDANTIC_DISABLE_PLUGINS": "one"}, "True one\n")):
        words = [sys.executable, "-c", script]
        done = subprocess.run(words, capture_output=True, check=True, text=True, cwd=ROOT, env=plain | said)
        assert done.stderr == expected
