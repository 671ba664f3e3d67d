"""What is refused names the reason and the way: samplers without a grid, schedules, folders, few samples."""

from __future__ import annotations

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.documents.aliases import NO_SOLVERS
from diffopt.errors import InputError
from diffopt.hosts.diffusers.others import REFUSED
from diffopt.schedules import SCHEDULES


@pytest.mark.parametrize("name", [*NO_SOLVERS, "lcm", "tcd"])
def test_samplers_that_no_grid_is_made_for_have_the_reason(name: str) -> None:
    """The same reason as export gives for the class."""
    label = name.upper().removesuffix("SCHEDULER").removeprefix("FLOWMATCH")
    with pytest.raises(InputError) as caught:
        diffopt.optimize([1.0, 0.1], solver=name, steps=3)
    assert REFUSED[f"{label}Scheduler"] in str(caught.value)
    assert "lms" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("AYS", ["ays_*", "ays_sd15"]), ("x,AYS", ["'x', 'AYS'", "ays_*"]), ("karas", ["karras"]), ("x", ["names or patterns"])],
)
def test_schedules_that_are_none_get_the_nearest(typed: str, offered: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare-schedules", "builtin:photos", "-s", "heun", "-n", "3", "--only", typed, "-q"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert all(word in said.err for word in offered)
    family = [name for name in SCHEDULES if name.startswith("ays_")]
    assert len(family) > 1


@pytest.mark.parametrize(("entry", "latent"), [("a.PNG", True), ("notes.txt", False), (None, False)])
def test_a_folder_of_pictures_is_sent_by_the_vae(entry: str | None, latent: bool, tmp_path) -> None:
    folder = tmp_path / "pics"
    folder.mkdir()
    if entry is not None:
        (folder / entry).write_bytes(b"x")
    with pytest.raises(InputError, match="diffopt.estimate") as caught:
        diffopt.optimize(str(folder))
    assert ("VAE" in str(caught.value)) == ("folder of pictures" in str(caught.value)) == latent


@pytest.mark.parametrize(("shape", "named"), [((6, 8, 8), True), ((6, 2, 8, 8), True), ((6, 64), False)])
def test_few_fields_have_a_method_that_needs_fewer(shape: tuple[int, ...], named: bool) -> None:
    found = diffopt.estimate(np.random.default_rng(0).standard_normal(shape))
    (line,) = [line for line in found.notes if "few samples" in line]
    assert 'shrinkage="population"' in line and ('method="fourier"' in line) == named
