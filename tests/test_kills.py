"""Killed at any touch of a file, a writing command leaves nothing or the whole file; the full run is in benchmarks/kills.py."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from kills import COMMANDS, arguments, child, faults, inputs, killer, touches, warm

#: The quick commands; the others write through the same function.
QUICK = ("optimize", "estimate", "estimate resume", "estimate clusters", "synthesize", "posterior")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    inputs(folder)
    return folder


def test_every_writing_command_of_the_group_is_killed():
    assert set(QUICK) <= set(COMMANDS)
    named = {words.split()[0] for words in COMMANDS.values()}
    assert {"optimize", "evaluate", "compare-schedules", "convergence", "eta", "export", "spectrum"} <= named


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
