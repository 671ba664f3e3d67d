"""A picture as a file, with its words for those who do not see it."""

from __future__ import annotations

import io
from html import escape
from pathlib import Path
from typing import Any

from diffopt.errors import InputError
from diffopt.foundation.atomic import write_atomic
from diffopt.report.style import LOOK

KINDS = (".png", ".svg")


def check_kind(path: Path) -> str:
    """Extension of a picture.

    Raises
    ------
    InputError
        Neither .png nor .svg.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise InputError(f"--plot {path}: unknown picture kind {kind!r}; use .png or .svg")
    return kind


def save(picture: Any, path: Path, force: bool) -> None:
    """Write a figure as PNG or SVG; the same figure gives the same bytes.

    Raises
    ------
    InputError
        Another extension, or a target that cannot be written.
    """
    kind = check_kind(path)
    import matplotlib

    buffer = io.BytesIO()
    title, words = spoken(picture)
    with matplotlib.rc_context(LOOK):
        metadata = {"Date": None} if kind == ".svg" else {"Software": None, "Title": title, "Description": words}
        picture.savefig(buffer, format=kind[1:], dpi=150, metadata=metadata)
    data = buffer.getvalue()
    write_atomic(path, in_words(data.decode(), title, words).encode() if kind == ".svg" else data, force)


def spoken(picture: Any) -> tuple[str, str]:
    """What a picture shows, and what it says: its answer, or the words over its panels, or the title again."""
    bold = [text.get_text() for text in picture.texts if text.get_fontweight() == "bold"]
    panels = [panel for axis in picture.axes for panel in (*axis.child_axes, axis) if hasattr(panel, "get_title")]
    over = [panel.get_title(loc=side) for panel in panels for side in ("left", "center", "right")]
    title = picture.get_label() or picture.get_suptitle()
    words = [" ".join(text.replace(r"\$", "$").split()) for text in bold or filter(None, over)]
    return title, "; ".join(words) or title


def in_words(svg: str, title: str, words: str, name: str = "picture") -> str:
    """An SVG that is read aloud as one picture with a title and a description."""
    start = svg.index("<svg")
    head, tail = svg[: svg.index(">", start)], svg[svg.index(">", start) + 1 :]
    told = f'<title id="title-{name}">{escape(title)}</title>\n <desc id="desc-{name}">{escape(words)}</desc>'
    return f'{head} role="img" aria-labelledby="title-{name} desc-{name}">\n {told}{tail}'
