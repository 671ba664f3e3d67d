"""Tables of the tests by name: what is missing in one is said with its place."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Named(dict[str, T]):
    """A dictionary whose missing names are errors that say what to write."""

    def __init__(self, what: str, entries: dict[str, T]) -> None:
        super().__init__(entries)
        self.what = what

    def __missing__(self, name: str) -> T:
        raise KeyError(f"{name!r} has no entry; {self.what}")
