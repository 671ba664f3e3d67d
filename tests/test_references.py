"""What docstrings, comments and documents name in the package is there."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from diffopt.documents.schemas import DOCUMENTS

ROOT = Path(__file__).parents[1]
TEXTS = [
    *(ROOT / "diffopt").rglob("*.py"),
    *(ROOT / "benchmarks").rglob("*.py"),
    *(ROOT / "docs").glob("*.md"),
    ROOT / "README.md",
]
#: Dotted names; `diffopt.schedule/1` is a schema.
NAME = re.compile(r"(?<![\w./-])diffopt((?:\.[A-Za-z_]\w*)+)(?![\w/])(?!\.(?:toml|part)\b)")
PLACE = re.compile(r"(?<![\w./-])diffopt/[\w/]+\.(?:py|md|npz|pyi|typed)\b")
#: Names of other things: an error handler of the codecs, and a file in the plugin's own folder.
OTHERS = {"diffopt.escape", "diffopt/scripts/diffopt_grid.py"}
#: Files that an author makes.
MADE = re.compile(r"/(?:[A-Z]+|shift|dpm_2)\.py$")


def resolves(name: str) -> bool:
    """Whether a dotted name is a module or an attribute of one."""
    found: object = import_module("diffopt")
    for i, part in enumerate(parts := name.split("."), 1):
        if i == 1:
            continue
        if not hasattr(found, part):
            try:
                found = import_module(".".join(parts[:i]))
            except ModuleNotFoundError:
                return False
        else:
            found = getattr(found, part)
    return True


def named(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    return {name for name in (f"diffopt{dots}" for dots in NAME.findall(text)) if name not in OTHERS}


def test_names_of_the_package_are_there() -> None:
    """A module that moved takes the places that speak of it along."""
    assert not {(path.name, name) for path in TEXTS for name in named(path) if not resolves(name)}


def test_files_of_the_package_are_there() -> None:
    found = {(path.name, place) for path in TEXTS for place in PLACE.findall(path.read_text(encoding="utf-8"))}
    assert not {pair for pair in found if pair[1] not in OTHERS and not MADE.search(pair[1]) and not (ROOT / pair[1]).exists()}


def test_modules_that_are_run_are_there() -> None:
    found = {name for path in TEXTS for name in re.findall(r"python -m (diffopt[\w.]*)", path.read_text(encoding="utf-8"))}
    assert found
    assert not {name for name in found if find_spec(name.rstrip(".")) is None}


def test_the_pattern_sees_what_it_is_for() -> None:
    assert NAME.findall("as in :class:`diffopt.problem.Problem`, and diffopt.shift.") == [".problem.Problem", ".shift"]
    assert not any(NAME.findall(schema) for schema in DOCUMENTS)
    assert not resolves("diffopt.problem.Problem")
    assert resolves("diffopt.objectives.problem.Problem")
