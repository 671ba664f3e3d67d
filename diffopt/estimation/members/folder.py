"""Files below a folder, in any depth; links are followed, each folder is read once."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffopt.errors import InputError
from diffopt.estimation.members.base import Members
from diffopt.estimation.members.components import Components
from diffopt.estimation.members.kinds import LeftOut, kind_of
from diffopt.estimation.readers.base import ReadOptions
from diffopt.foundation.guard import reading


@dataclass
class FolderMembers(Members):
    """Sample files below a folder, sorted by their relative path."""

    path: Path
    options: ReadOptions

    def __post_init__(self) -> None:
        self.label = str(self.path)
        self.left_out = LeftOut()
        self.components = Components(self.label, self.options.key)
        self.names = tuple(sorted(self._walk()))

    def _walk(self) -> Iterator[str]:
        found, visited = 0, {os.path.realpath(self.path)}
        for folder, below, files in os.walk(self.path, followlinks=True, onerror=_refuse):
            below[:] = sorted(name for name in below if not name.startswith(".") and self._first(folder, name, visited))
            for file in sorted(files):
                name = Path(folder, file).relative_to(self.path).as_posix()
                if self.wanted(name):
                    found += 1
                    if found > self.options.max_members:
                        raise InputError(f"{self.path}: more than {self.options.max_members} files")
                    yield name

    def _first(self, folder: str, name: str, visited: set[str]) -> bool:
        """Whether a folder has not been walked yet: links may form loops."""
        real = os.path.realpath(os.path.join(folder, name))
        if real in visited:
            self.options.log.remark("folders that links lead to twice are read once")
            return False
        visited.add(real)
        return True

    def read(self, start: int) -> Iterator[tuple[str, Any]]:
        """Read file after file."""
        assert self.names is not None
        for name in self.names[start:]:
            yield name, self._read(name)

    def _read(self, name: str) -> Any:
        file = self.path / name
        if kind_of(name) == "sound":
            return mapped(file)
        try:
            if not file.is_file():
                return InputError(f"{file}: is not a regular file")
            self.options.check_member(file.stat().st_size, str(file))
            return file.read_bytes()
        except OSError as error:
            return InputError(f"{file}: cannot be read ({error.strerror})")
        except InputError as error:
            return error


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from error


@dataclass
class SingleFile(Members):
    """One file, mapped into memory, of any length; its name is that of the whole."""

    path: Path
    options: ReadOptions

    def __post_init__(self) -> None:
        self.label, self.names = str(self.path), ("",)
        self.left_out, self.components = LeftOut(), Components(self.label, None)

    def read(self, start: int) -> Iterator[tuple[str, Any]]:
        """Map the file."""
        if not start:
            yield "", mapped(self.path)


def mapped(file: Path) -> Any:
    """Bytes of a file without reading them, or the error of it."""
    try:
        with reading(str(file)):
            if not file.is_file():
                raise InputError(f"{file}: is not a regular file")
            if not file.stat().st_size:
                raise InputError(f"{file}: is empty")
            with file.open("rb") as stream:
                return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except InputError as error:
        return error
