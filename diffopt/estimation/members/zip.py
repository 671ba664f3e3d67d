"""Members of a zip file; nothing is unpacked to disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diffopt.errors import InputError
from diffopt.estimation.members.base import Members, check_name
from diffopt.estimation.members.components import Components
from diffopt.estimation.members.kinds import LeftOut
from diffopt.estimation.readers.base import ReadOptions
from diffopt.foundation.guard import reading


@dataclass
class ZipMembers(Members):
    """Sample files of a zip file, sorted by name."""

    path: Path
    options: ReadOptions

    def __post_init__(self) -> None:
        self.label = str(self.path)
        self.left_out = LeftOut()
        self.components = Components(self.label, self.options.key)
        with reading(self.label), zipfile.ZipFile(self.path) as archive:
            self.names = self._checked(archive.infolist())

    def _checked(self, members: list[zipfile.ZipInfo]) -> tuple[str, ...]:
        if len(members) > self.options.max_members:
            raise InputError(f"{self.path}: {len(members)} members; allowed are {self.options.max_members}")
        for member in members:
            check_name(member.filename, self.label)
        wanted = [m for m in members if not m.is_dir() and self.wanted(m.filename)]
        names = [m.filename for m in wanted]
        if len(set(names)) != len(names):
            raise InputError(f"{self.path}: two members have the same name; the archive is refused")
        total, stored = sum(m.file_size for m in wanted), sum(m.compress_size for m in wanted)
        self.options.check_expanded(total, stored, self.label)
        return tuple(sorted(names))

    def read(self, start: int) -> Iterator[tuple[str, bytes | InputError]]:
        """Inflate member after member."""
        assert self.names is not None
        with reading(self.label), zipfile.ZipFile(self.path) as archive:
            for name in self.names[start:]:
                yield name, self._read(archive, name)

    def _read(self, archive: zipfile.ZipFile, name: str) -> bytes | InputError:
        member, what = archive.getinfo(name), f"{self.path}:{name}"
        try:
            self.options.check_member(member.file_size, what)
            # The declared size can lie, so never read more than it says.
            with reading(what), archive.open(member) as stream:
                data = stream.read(member.file_size + 1)
                if len(data) > member.file_size:
                    raise InputError(f"{what}: expands beyond the {member.file_size} bytes it claims")
                return data
        except InputError as error:
            return error
