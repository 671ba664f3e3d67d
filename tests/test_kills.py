"""Killed at any touch of a file, a writing command leaves nothing or the whole file; the full run is in benchmarks/kills.py."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
import typer

from diffopt.cli.app import application

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from kills import COMMANDS, arguments, child, faults, inputs, killer, touches, warm

#: The quick commands; the others write through the same function.
QUICK = ("optimize", "estimate", "estimate resume", "estimate clusters", "synthesize", "posterior")
#: Flags that name a file to write.
WRITING = ("--output", "--plot", "--html", "--error-map")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    inputs(folder)
    return folder


def writing(command, name=""):
    """Names of the commands below that have one of the flags WRITING."""
    if hasattr(command, "commands"):
        for word, below in command.commands.items():
            yield from writing(below, f"{name} {word}".strip())
    elif any(option in WRITING for parameter in command.params for option in parameter.opts):
        yield name


def test_every_command_that_writes_is_killed():
    """A new command with an output is in the list, or this fails."""
    group = typer.main.get_command(application())
    listed = [words.split() for words in COMMANDS.values()]
    named = {" ".join(words[: 1 + (words[0] == "spectrum")]) for words in listed}
    assert named == set(writing(group)) - {"list", "schema"}
    assert {"--resume", "--plot", "--html"} <= {word for words in listed for word in words}
    assert set(QUICK) <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_that_are_killed_run(name, source, tmp_path):
    words, target = arguments(name, source, tmp_path)
    assert child(words, None) == 0
    assert target.stat().st_size > 0


@pytest.mark.parametrize("name", QUICK)
def test_a_kill_leaves_nothing_or_everything(name, source, tmp_path):
    calm = tmp_path / "calm"
    calm.mkdir()
    words, target = arguments(name, source, calm)
    warm(words)
    target.unlink()
    total = touches(words, calm)
    whole = target.read_bytes()
    for call in sorted({1, 3, total // 2, total // 2 + 2, total - 1}):
        folder = tmp_path / str(call)
        folder.mkdir()
        words, target = arguments(name, source, folder)
        assert child(words, killer(call, folder)) == -signal.SIGKILL
        assert faults(folder, target, (whole,), killed=True) == []
        for hidden in folder.glob(".*.part"):
            hidden.unlink()
        again = [*words, "--force"] if target.exists() else words
        assert child(again, None) == 0
        assert faults(folder, target, (whole,), killed=False) == []
