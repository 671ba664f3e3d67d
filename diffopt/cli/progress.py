"""A progress display on stderr while something runs, only where somebody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counter(what: str, quiet: bool) -> Iterator[Callable[[int, float], None] | None]:
    """Yield a callback (count, best) that redraws one line, or None when nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    last = 0.0

    def show(count: int, best: float) -> None:
        nonlocal last
        if time.monotonic() - last > 0.1:
            last = time.monotonic()
            sys.stderr.write(f"\r\x1b[K{what}: {count} evaluations, best {best:.5g}")
            sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


@contextmanager
def groups(what: str, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a callback (done, in all) that redraws one line, or None when nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return

    def show(done: int, total: int) -> None:
        sys.stderr.write(f"\r\x1b[K{what}: {done} of {total} groups")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
