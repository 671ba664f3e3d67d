"""What was assumed on the way: said by whoever assumes it, heard by whoever asked the question."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_HEARD: ContextVar[list[str] | None] = ContextVar("diffopt_notes", default=None)


def note(text: str) -> None:
    """Say in one line what was assumed; the same line is kept once, and dropped where nobody listens."""
    heard = _HEARD.get()
    line = " ".join(text.split())
    if heard is not None and line not in heard:
        heard.append(line)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect the notes of the body, in order; an outer listener hears them too."""
    outer = _HEARD.get()
    heard: list[str] = []
    token = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(token)
        if outer is not None:
            outer.extend(line for line in heard if line not in outer)
