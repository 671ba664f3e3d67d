"""Every command of every page runs as it is printed, in a folder of its own, in the order of the page."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from forked import plain, run
from PIL import Image
from test_readme import shell

ROOT = Path(__file__).parents[1]
#: Pages with blocks of commands; the manual prints help, which its own test compares.
PAGES = sorted(p for p in (ROOT / "docs").glob("*.md") if p.name != "commands.md" and "```console" in p.read_text("utf-8"))


def commands(page: Path) -> list[str]:
    """Lines of console blocks that run diffopt; other programs of the page are what a reader has."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [line for line in lines if re.match(r"(cat \S+ \| )?diffopt ", line)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a reader has: a spectrum, fields, latents, pictures, a scheduler's config, a curve of losses."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "spectrum.npy", 50 * np.arange(1, 200) ** -1.6)
    np.save(tmp_path / "fields.npy", 280 + 5 * rng.standard_normal((300, 6, 8)).cumsum(axis=2))
    np.save(tmp_path / "latents.npy", rng.standard_normal((200, 4, 4, 4)).astype(np.float32))
    config = {"_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
              "num_train_timesteps": 1000}  # fmt: skip
    (tmp_path / "scheduler_config.json").write_text(json.dumps(config))
    with zipfile.ZipFile(tmp_path / "cifar10.zip", "w") as archive:
        for i in range(40):
            Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).save(tmp_path / "one.png")
            archive.write(tmp_path / "one.png", f"{i}.png")
    sigmas = np.geomspace(0.01, 50, 30)
    eig = 50 * np.arange(1, 200) ** -1.6
    losses = (eig * sigmas[:, None] ** 2 / (eig + sigmas[:, None] ** 2)).sum(axis=1)
    rows = "".join(f"{s},{v}\n" for s, v in zip(sigmas, losses, strict=True))
    (tmp_path / "curve.csv").write_text("sigma,mse\n" + rows)
    return tmp_path


def test_there_are_pages():
    assert {p.name for p in PAGES} >= {"index.md", "hosts.md", "spectra.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_commands_of_a_page_run_in_order(page: Path, folder: Path) -> None:
    for line in commands(page):
        for target in re.findall(r"(?:-o|--plot|--html) (\S+)", line):
            (folder / target).unlink(missing_ok=True)
        done = run(line, folder) if plain(line) else shell(line, folder)
        # `check` may answer 4: that the host would alter the grid is what the page shows it for.
        assert done.returncode in ((0, 4) if " check " in line else (0,)), f"{line}\n{done.stderr}"
