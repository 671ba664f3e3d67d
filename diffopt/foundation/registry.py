"""Tables of names whose classes are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TypeVar, cast

T = TypeVar("T")


class LazyTable(Mapping[str, T]):
    """Mapping from a name to a class in a module of its own; looking at names imports nothing.

    Parameters
    ----------
    package : str
        Package of the modules.
    entries : mapping of str to str
        `module:Class` of each name, in the order of the table.
    """

    def __init__(self, package: str, entries: Mapping[str, str]) -> None:
        self._package, self._entries = package, dict(entries)
        self._loaded: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._loaded:
            module, _, attribute = self._entries[name].partition(":")
            self._loaded[name] = cast(T, getattr(import_module(f"{self._package}.{module}"), attribute))
        return self._loaded[name]

    def module(self, name: str) -> str:
        """Module of a name below the package, without importing it."""
        return self._entries[name].partition(":")[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries
