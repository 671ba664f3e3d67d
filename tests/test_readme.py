"""The README word by word: its commands run, and its output is what they print; so do the config files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from forked import plain, run

from diffopt.cli.app import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
LINES = [line[2:] for block in BLOCKS for line in block.splitlines() if line.startswith("$ diffopt")]
CONFIGS = sorted((ROOT / "configs").glob("*.toml"))


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which `diffopt` is this interpreter's."""
    line = re.sub(r"\bdiffopt (?=[a-z])", f"{sys.executable} -W error -m diffopt.cli.main ", command)
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "100", "HOME": str(folder)}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=folder, capture_output=True, text=True, env=environment, timeout=240
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README takes for granted."""
    from PIL import Image

    path = tmp_path_factory.mktemp("readme")
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path / "images.zip", "w") as archive:
        for i in range(40):
            Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).save(path / "one.png")
            archive.write(path / "one.png", f"{i}.png")
    return path


def test_commands_run_in_order(folder: Path) -> None:
    """In one folder, as a reader types them: none writes over another's file, later ones read what earlier ones wrote."""
    assert len(LINES) >= 8
    for line in (part for whole in LINES for part in whole.split(" && ")):
        done = run(line, folder) if plain(line) else shell(line, folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_printed_table_is_the_real_one(folder: Path) -> None:
    block = next(b for b in BLOCKS if "--format table" in b)
    command, *printed = block.splitlines()
    real = shell(command[2:], folder).stdout.splitlines()
    shown = [line.rstrip() for line in printed if line != "..."]
    assert shown == [line.rstrip() for line in real[: len(shown)]]


def test_every_command_is_named() -> None:
    assert all(f"diffopt {name}" in README for name in COMMANDS)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configs_run(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "c.toml")
    done = run("diffopt optimize --config c.toml --steps 4 --quiet", tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"steps": 4' in done.stdout
