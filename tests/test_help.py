"""Help can be read and copied: groups, whole summaries, one style, examples that run; the manual is fresh."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from diffopt.cli.app import COMMANDS
from diffopt.cli.help import continued, parts, tidy
from diffopt.cli.main import main
from diffopt.cli.spectrum.group import COMMANDS as SPECTRUM

ROOT = Path(__file__).parents[1]


def manual():
    spec = importlib.util.spec_from_file_location("make_commands", ROOT / "docs" / "make_commands.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def every():
    found = [[name] for name in COMMANDS]
    return [*found, *(["spectrum", sub] for sub in SPECTRUM)]


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    for name, value in {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)


def test_the_manual_is_what_help_prints():
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == manual().page(), "run: python docs/make_commands.py"


@pytest.mark.parametrize("words", every(), ids=" ".join)
@pytest.mark.parametrize("width", [60, 80, 100])
def test_nothing_is_wider_than_the_terminal(words, width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    assert main([*words, "--help"]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert len(line) <= width, line


@pytest.mark.parametrize("words", every(), ids=" ".join)
def test_examples_are_whole_commands_at_every_width(words, capsys, monkeypatch):
    """Lines that end in a backslash are one command to a shell, the same as on a wide screen."""
    found = []
    for width in ("60", "80", "400"):
        monkeypatch.setenv("COLUMNS", width)
        assert main([*words, "--help"]) == 0
        text = capsys.readouterr().out.replace("\\\n", " ")
        found.append([shlex.split(line) for line in text.splitlines() if line.startswith("  diffopt ")])
    assert found[0] == found[1] == found[2]


def test_a_command_is_broken_between_words_and_flags_keep_their_values():
    text = continued("prog run 'a b' --long-flag value --list x,y | other -n 5", 24, 2)
    assert text == "  prog run 'a b' \\\n      --long-flag value \\\n      --list x,y | \\\n      other -n 5\n"
    assert shlex.split(text.replace("\\\n", "")) == shlex.split("prog run 'a b' --long-flag value --list x,y | other -n 5")
    assert continued("prog 'a b  c'", 60, 2) == "  prog 'a b  c'\n"


@pytest.mark.parametrize("words", every(), ids=" ".join)
def test_one_style(words, capsys):
    assert main([*words, "--help"]) == 0
    text = capsys.readouterr().out
    flat = " ".join(text.split())
    assert not re.search(r"<[a-z][a-z ]*>", flat)
    assert "{" not in flat
    assert not re.search(r"\[default: [^\]]*\]\.?\s*\[default", flat)
    assert not re.search(r"x[<>]=", flat)


@pytest.mark.parametrize("words", every(), ids=" ".join)
def test_every_command_has_an_example_of_itself(words, capsys):
    assert main([*words, "--help"]) == 0
    text = capsys.readouterr().out.replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.startswith("  diffopt ")]
    if words == ["spectrum"]:
        return
    assert lines
    assert all(shlex.split(line)[1 : 1 + len(words)] == words for line in lines)


def test_summaries_are_not_cut(capsys):
    assert main(["--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


def test_a_group_alone_is_its_help(capsys):
    assert main(["spectrum"]) == 0
    assert "estimate" in capsys.readouterr().out


def test_docstrings_are_told_and_examples_apart():
    told, examples = parts("A sentence\n    over two lines.\n\n    More.\n\n    Example: one\n        --two\n    Example: four")
    assert told == ["A sentence over two lines.", "More."]
    assert examples == ["one --two", "four"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("--n <int range>", "Count.  [default: 0; x>=0]"), ("--n N", "Count [default: 0].")),
        (("--hop <int>", "Frames [default: the window].  [default: 0]"), ("--hop N", "Frames [default: the window]")),
        (("{path}", "A file.  [required]"), ("PATH", "A file.")),
    ],
)
def test_tidy(before, after):
    assert tidy(before) == after
