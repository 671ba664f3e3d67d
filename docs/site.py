"""Hook of MkDocs: formulas of the pages become MathML, which browsers draw without a script or a network."""

from __future__ import annotations

import re
from typing import Any

from latex2mathml.converter import convert

#: Code, which keeps its dollars, then display and inline formulas.
PIECES = re.compile(r"(?P<code>```.*?```|`[^`\n]+`)|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+(?:\n[^$\n]+)?)\$", re.DOTALL)
TAG = re.compile(r"\\tag\{([^}]+)\}")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Take the formulas out, so that Markdown does not read their stars and underscores."""
    page.formulas = []

    def stand_in(found: re.Match[str]) -> str:
        if found["code"]:
            return found["code"]
        page.formulas.append(block(found["block"]) if found["block"] else convert(found["inline"]))
        return f"formula{len(page.formulas) - 1}stands"

    return PIECES.sub(stand_in, markdown)


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put the formulas back."""
    return re.sub(r"formula(\d+)stands", lambda found: page.formulas[int(found[1])], html)


def block(text: str) -> str:
    """A formula on a line of its own, its number on the right."""
    number = TAG.search(text)
    shown = f'<span class="number">({number[1]})</span>' if number else ""
    return f'<span class="equation">{convert(TAG.sub("", text).strip(), display="block")}{shown}</span>'
