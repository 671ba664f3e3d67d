"""A file that is not there: the one beside it that looks like it, in one line, and nothing where none or many do."""

from __future__ import annotations

import pytest

from diffopt.cli.main import main
from diffopt.foundation import nearby
from diffopt.foundation.nearby import near_file

#: What is typed, by the file that is there.
TYPED = {
    "optimize spectrm.npy -n 2": "spectrum.npy", "evaluate builtin:photos grdi1.json": "grid1.json",
    "check grd1.json --host comfyui": "grid1.json", "spectrum estimate smaples.npy": "samples.npy",
    "optimize builtin:photos -n 2 --scheduler-config schedulr.json": "scheduler.json",
    "optimize builtin:photos -n 2 --config setings.toml": "settings.toml", "spectrum from-loss curv.csv": "curve.csv",
    "siem outputs.npzz": "outputs.npz", "simulate --mixture mixtur.npz -n 2": "mixture.npz",
    "optimize builtin:photos -n 2 --process table --betas beta.txt": "betas.txt",
    "evaluate builtin:photos --sigmas levls.txt": "levels.txt",
    "optimize builtin:photos -n 2 --score-error curve:curv.csv": "curve.csv",
}  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [*TYPED.values(), "other.bin"]:
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("words", TYPED)
def test_the_one_beside_it_is_named(words, here, capsys) -> None:
    assert main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.strip().splitlines()[-1].startswith("error: ") and "did you mean" in err
    assert TYPED[words] in err.split("did you mean")[1] and len(err.split("did you mean")[1].split()) == 1


def test_nothing_is_said_where_none_is_close_or_two_are(here, monkeypatch) -> None:
    (here / "own.npz").touch()
    assert near_file("none.npz") is None and near_file("owm.npz") is None, "alike by the suffix alone, or too short to tell"
    assert near_file("elsewhere.tiff") is None and near_file("no/folder/here.npy") is None and near_file("\0") is None
    assert near_file(here / "spectrm.npy") == str(here / "spectrum.npy")
    for name in ("run-1.json", "run-2.json"):
        (here / name).touch()
    assert near_file("run-3.json") is None and near_file("RUN-1.json") == "run-1.json"
    monkeypatch.setattr(nearby, "MOST", 3)
    assert near_file("spectrm.npy") is None, "a folder with more entries is not looked through"


def test_a_name_with_signs_that_move_the_cursor_is_shown_as_text(here) -> None:
    (here / "field\x1b[2J.npy").touch()
    assert near_file("field[2J.npy") == "field\\x1b[2J.npy"
