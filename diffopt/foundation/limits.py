"""How far a compressed file may expand in memory; a limit that the caller can raise."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from contextvars import ContextVar

from diffopt.errors import InputError

_EXPANDED: ContextVar[tuple[int, str]] = ContextVar("expanded", default=(1 << 30, "--max-member"))


def check_expanded(size: int, what: str) -> None:
    """Refuse an array or a text that would take too much memory.

    Raises
    ------
    InputError
        More bytes than allowed, with the flag that allows them.
    """
    limit, flag = _EXPANDED.get()
    if size > limit:
        enough = math.ceil(size / 2**30 * 1000) / 1000  # rounded up: the flag must be enough
        raise InputError(f"{what} takes {size} bytes; allowed are {limit}; raise {flag} {enough:g} (gigabytes)")


def most_expanded() -> int:
    """Bytes that are allowed."""
    return _EXPANDED.get()[0]


def expansion_flag() -> str:
    """Flag that allows more."""
    return _EXPANDED.get()[1]


@contextlib.contextmanager
def expanding(gigabytes: float | None, flag: str = "--max-member") -> Iterator[None]:
    """Allow arrays and texts of this size, which the flag sets; None leaves the limit as it is.

    Raises
    ------
    InputError
        Not a positive number.
    """
    if gigabytes is None:
        yield
        return
    if not 0 < gigabytes < 1e9:
        raise InputError(f"{flag} must be positive gigabytes, got {gigabytes:g}")
    token = _EXPANDED.set((int(gigabytes * 2**30), flag))
    try:
        yield
    finally:
        _EXPANDED.reset(token)
