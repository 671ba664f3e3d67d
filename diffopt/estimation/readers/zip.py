"""Zip files of images or arrays, such as those of EDM's dataset tool; nothing is unpacked to disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.members import MemberSource, check_name, is_sample
from diffopt.estimation.sources.source import Source
from diffopt.foundation.guard import reading

#: Highest ratio of expanded to stored size; images and float arrays compress far less.
RATIO = 200


@dataclass
class ZipSource(MemberSource):
    """Members of a zip file, sorted by name; `dataset.json` and other types are left out."""

    path: Path
    options: ReadOptions

    def __post_init__(self) -> None:
        self.label = str(self.path)
        with reading(self.label), zipfile.ZipFile(self.path) as archive:
            self.names = self._checked(archive.infolist())
        if not self.names:
            raise InputError(f"{self.path}: no images or arrays in this zip file")
        self.count: int | None = len(self.names)
        self.settle()

    def _checked(self, members: list[zipfile.ZipInfo]) -> list[str]:
        if len(members) > self.options.max_members:
            raise InputError(f"{self.path}: {len(members)} members; allowed are {self.options.max_members}")
        for member in members:
            check_name(member.filename, self.label)
        wanted = [m for m in members if is_sample(m.filename) and not m.is_dir()]
        names = [m.filename for m in wanted]
        if len(set(names)) != len(names):
            raise InputError(f"{self.path}: two members have the same name; the archive is refused")
        total = sum(m.file_size for m in wanted)
        if total > self.options.max_expanded:
            raise InputError(
                f"{self.path}: expands to {total} bytes; allowed are {self.options.max_expanded}"
            )
        return sorted(names)

    def members(self, start: int) -> Iterator[tuple[str, bytes | InputError]]:
        """Inflate member after member."""
        with reading(self.label), zipfile.ZipFile(self.path) as archive:
            for name in self.names[start:]:
                yield name, self._read(archive, name)

    def _read(self, archive: zipfile.ZipFile, name: str) -> bytes | InputError:
        member = archive.getinfo(name)
        limit = min(self.options.max_member, max(RATIO * member.compress_size, 1 << 20))
        if member.file_size > limit:
            return InputError(
                f"{self.path}:{name}: expands from {member.compress_size} to {member.file_size} bytes, "
                f"allowed are {limit}; this looks like a decompression bomb"
            )
        try:
            # The declared size can lie, so never read more than it says.
            with reading(f"{self.path}:{name}"), archive.open(member) as stream:
                data = stream.read(limit + 1)
                if len(data) > limit:
                    raise InputError(f"{self.path}:{name}: expands beyond {limit} bytes")
                return data
        except InputError as error:
            return error


class ZipReader(Reader):
    """`.zip` of images or `.npy` samples of one size."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() == ".zip" and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the directory of the archive."""
        return ZipSource(path, options)
