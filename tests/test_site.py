"""The manual as a site: every page is in its menu, and formulas become markup that browsers draw."""

from __future__ import annotations

import importlib.util
import re
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFIG = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The hook with a converter that shows what it is given; the real one is an extra."""
    package, module = types.ModuleType("latex2mathml"), types.ModuleType("latex2mathml.converter")
    module.convert = lambda text, display="inline": f"<{display}|{text}>"
    monkeypatch.setitem(sys.modules, "latex2mathml", package)
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", module)
    found = importlib.util.spec_from_file_location("site_hook", ROOT / "docs" / "site.py")
    made = importlib.util.module_from_spec(found)
    found.loader.exec_module(made)
    return made


def test_every_page_is_in_the_menu():
    assert set(re.findall(r": (\w+\.md)$", CONFIG, re.MULTILINE)) == {p.name for p in (ROOT / "docs").glob("*.md")}


def test_links_between_pages_lead_somewhere():
    for page in (ROOT / "docs").glob("*.md"):
        for target, _, anchor in re.findall(r"\]\((\w+\.md)(#([\w-]+))?\)", page.read_text(encoding="utf-8")):
            there = (ROOT / "docs" / target).read_text(encoding="utf-8")
            heads = re.findall(r"^#+ (.*)$", there, re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in heads}
            assert not anchor or anchor in anchors, (page.name, target, anchor)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a $x_0$ b", "a <inline|x_0> b"),
        ("$$ x = 1 \\tag{7} $$", '<span class="equation"><block|x = 1><span class="number">(7)</span></span>'),
        ("code `$5` and\n```\n$HOME $x\n```\n", "code `$5` and\n```\n$HOME $x\n```\n"),
        ("$a$ and $b*c*d$", "<inline|a> and <inline|b*c*d>"),
    ],
)
def test_formulas_and_code(hook: types.ModuleType, text: str, html: str) -> None:
    page = types.SimpleNamespace()
    assert hook.on_page_content(hook.on_page_markdown(text, page=page), page=page) == html


def test_no_formula_of_the_theory_is_left(hook: types.ModuleType) -> None:
    text = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    page = types.SimpleNamespace()
    rest = hook.on_page_markdown(text, page=page)
    assert "\\tag" not in rest and "$$" not in rest
    shown = hook.on_page_content(rest, page=page)
    assert set(re.findall(r"\\tag\{([^}]+)\}", text)) == set(re.findall(r'"number">\(([^)]+)\)', shown))
