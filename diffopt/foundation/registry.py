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
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> T:
        module, _, attribute = self._entries[name].partition(":")
        path, line = f"{self._package}.{module}", f'the line "{name}": "{self._entries[name]}" of the table in {self._package}'
        try:
            found = import_module(path)
        except ModuleNotFoundError as error:
            if error.name is None or not path.startswith(error.name):
                raise
            raise ModuleNotFoundError(f"{line} names a module that there is not: {error.name}", name=error.name) from None
        if not hasattr(found, attribute):
            raise AttributeError(f"{line} names a class that {path} has not: {attribute!r}")
        return cast(T, getattr(found, attribute))

    def module(self, name: str) -> str:
        """Module of a name below the package, without importing it."""
        return self._entries[name].partition(":")[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries
