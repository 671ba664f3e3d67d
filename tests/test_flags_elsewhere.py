"""A flag that a command does not take is sent to the commands that do, from the flags themselves."""

from __future__ import annotations

from typing import Any

import pytest
from typer.main import get_command

import diffopt
from diffopt.api.flags import OUTPUT
from diffopt.api.speech import VERBS as COMMANDS
from diffopt.api.takers import takers
from diffopt.cli.app import application
from diffopt.cli.command import panels_of
from diffopt.cli.main import main

SHOWN = {command: {flag.name for _, flag in panels_of(verb) if not flag.hidden} for command, verb in COMMANDS.items()}


@pytest.mark.parametrize("name", sorted({flag for flags in SHOWN.values() for flag in flags} - {flag.name for flag in OUTPUT}))
def test_takers_are_the_commands_whose_help_shows_the_flag(name: str) -> None:
    assert set(takers(name)) == {command for command, flags in SHOWN.items() if name in flags}


HOSTS = "diffopt optimize, diffopt compare-schedules, diffopt eta, diffopt recommend and diffopt check take it"


@pytest.mark.parametrize(("words", "said"), [
    ("shift builtin:photos --host comfyui", f"shift takes no --host; {HOSTS}"),
    ("check g.json --process flow", "check takes no --process; diffopt optimize, diffopt evaluate, diffopt compare-schedules, "),
    ("recommend builtin:photos --accuracy 1", "recommend takes no --accuracy; diffopt convergence takes it"),
    ("spectrum show x.npy --shrinkage oas", "spectrum show takes no --shrinkage; diffopt spectrum estimate takes it"),
    ("error-budget builtin:photos --tokens=4", "error-budget takes no --tokens; diffopt shift takes it"),
])  # fmt: skip
def test_the_refusal_names_them(words: str, said: str, capsys) -> None:
    assert main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and said in err and "Possible options" not in err


def commands(group: Any, before: str = "") -> dict[str, Any]:
    """Every command of a group by its words."""
    found = {}
    for name, one in group.commands.items():
        inner = commands(one, f"{before}{name} ") if hasattr(one, "commands") else {before + name: one}
        found |= inner
    return found


WITHOUT = [
    name for name, one in commands(get_command(application())).items() if not any(p.name == "plot" for p in one.params)
]


@pytest.mark.parametrize("command", WITHOUT)
def test_commands_without_a_picture_say_so_or_which_has_one(command: str, capsys) -> None:
    assert main([*command.split(), "--plot", "a.png"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and f"{command} takes no --plot" in err and "Possible options" not in err
    where = {"check": "diffopt evaluate", "export": "diffopt evaluate"}.get(command, "diffopt spectrum show FILE --plot")
    assert where in err or (command in ("list", "schema", "siem") and "makes no picture" in err)


def test_a_reason_of_its_own_and_a_misspelling_stay(capsys) -> None:
    assert main("convergence builtin:photos --start sigma".split()) == 2
    assert "does not fall with the steps" in capsys.readouterr().err
    assert main("optimize builtin:photos --stepz 3".split()) == 2
    assert "--steps" in capsys.readouterr().err


def test_keywords_are_sent_to_their_verbs() -> None:
    with pytest.raises(TypeError, match=r"orders\(\) got an unexpected keyword argument 'accurate'; did you mean 'accuracy'"):
        diffopt.orders([1.0], accurate=1)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'tokens'; diffopt.shift takes it"):
        diffopt.recommend([1.0], tokens=3)
