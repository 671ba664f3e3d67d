"""Tar files of images or arrays, such as WebDataset shards; read in order, never unpacked."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.members import MemberSource, check_name, is_sample
from diffopt.estimation.sources.source import Source
from diffopt.foundation.guard import reading

EndMark: type[Exception] = tarfile.EOFHeaderError  # type: ignore[attr-defined]


class _Member(tarfile.TarInfo):
    """Notes on the archive that its end mark was seen; without it `tarfile` takes a cut for the end."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> _Member:
        try:
            return super().fromtarfile(tarfile)
        except EndMark:
            tarfile.ended = True  # type: ignore[attr-defined]
            raise


@dataclass
class TarSource(MemberSource):
    """Members of one shard, or of all shards of a folder, in stored order."""

    shards: list[Path]
    label: str
    options: ReadOptions
    count: int | None = None

    def __post_init__(self) -> None:
        self.settle()

    def members(self, start: int) -> Iterator[tuple[str, bytes | InputError]]:
        """Read the stream from the beginning, leave out the first `start` samples."""
        index, expanded = 0, 0
        for shard in self.shards:
            # The streaming mode never seeks, so compressed shards are inflated once.
            with reading(str(shard)), tarfile.open(shard, "r|*", tarinfo=_Member) as archive:
                for position, member in enumerate(archive):
                    expanded += member.size
                    self._check(shard, member, position, expanded)
                    if not member.isfile() or not is_sample(member.name):
                        continue
                    if index >= start:
                        yield member.name, self._read(archive, member, shard)
                    index += 1
                if not getattr(archive, "ended", False):
                    raise InputError(f"{shard}: the archive ends without its end mark; it has been cut off")

    def _check(self, shard: Path, member: tarfile.TarInfo, position: int, expanded: int) -> None:
        check_name(member.name, str(shard))
        if not (member.isfile() or member.isdir()):
            raise InputError(
                f"{shard}: member {member.name[:80]!r} is a link or a device; the archive is refused"
            )
        if position >= self.options.max_members or expanded > self.options.max_expanded:
            raise InputError(
                f"{shard}: more than {self.options.max_members} members or {self.options.max_expanded} bytes"
            )

    def _read(self, archive: tarfile.TarFile, member: tarfile.TarInfo, shard: Path) -> bytes | InputError:
        if member.size > self.options.max_member:
            raise InputError(
                f"{shard}:{member.name}: {member.size} bytes; allowed are {self.options.max_member}"
            )
        with reading(f"{shard}:{member.name}"):
            stream = archive.extractfile(member)
            data = b"" if stream is None else stream.read()
        if len(data) < member.size:
            raise InputError(f"{shard}:{member.name}: the archive ends in the middle of it")
        return data


class TarReader(Reader):
    """`.tar`, `.tar.gz`, `.tgz`, ..., or a folder of such shards."""

    SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

    def recognises(self, path: Path) -> bool:
        """By suffix; a folder by having shards in it and no other data."""
        if path.is_dir():
            return any(f.name.lower().endswith(self.SUFFIXES) for f in path.iterdir())
        return path.is_file() and path.name.lower().endswith(self.SUFFIXES)

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the first member."""
        shards = [path]
        if path.is_dir():
            shards = sorted(f for f in path.iterdir() if f.name.lower().endswith(self.SUFFIXES))
        return TarSource(shards, str(path), options)
