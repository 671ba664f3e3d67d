"""Standard streams as the shell may leave them: closed, in another encoding, read no further."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any

from diffopt.foundation.shown import ESCAPE


class Closed(io.TextIOBase):
    """Standard output that the shell has closed: the first word fails."""

    def write(self, text: str) -> int:
        """Refuse.

        Raises
        ------
        OSError
            Always.
        """
        raise OSError(errno.EBADF, "it is closed")


def prepare() -> None:
    """Make every stream one that can be written to, or fails in one line."""
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        _fill()
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)


def _fill() -> None:
    """Occupy the numbers of closed streams, so that no file that is opened later gets one of them."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def silence(stream: Any) -> None:
    """Point a stream at nothing, so that what it still holds does not fail again at the end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
