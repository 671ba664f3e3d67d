"""Members of tar files in stored order; archives written one after the other into a file are all read."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from diffopt.errors import InputError
from diffopt.estimation.members.base import Members, check_name
from diffopt.estimation.members.components import Components
from diffopt.estimation.members.kinds import LeftOut
from diffopt.estimation.members.stream import Forward
from diffopt.estimation.readers.base import ReadOptions
from diffopt.foundation.guard import reading

EndMark: type[Exception] = tarfile.EOFHeaderError  # type: ignore[attr-defined]
BLOCK = tarfile.BLOCKSIZE


class _Member(tarfile.TarInfo):
    """Notes on the archive that its end mark was seen; without it `tarfile` takes a cut for the end."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> _Member:
        try:
            return super().fromtarfile(tarfile)
        except EndMark:
            tarfile.ended = True  # type: ignore[attr-defined]
            raise


class _Part(Forward):
    """The stream from the first header of an archive, which `tarfile` reads again."""

    def __init__(self, stream: Forward, first: bytes) -> None:
        self.stream, self._first = stream, first
        self.label, self.options = stream.label, stream.options
        self.base = stream.tell() - len(first)

    def tell(self) -> int:
        """Place in this archive."""
        return self.stream.tell() - len(self._first) - self.base

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes."""
        held, self._first = self._first[: max(size, 0)], self._first[max(size, 0) :]
        return held + self.stream.read(max(size, 0) - len(held))

    def seek(self, place: int) -> int:
        """Go forward, beyond the first header."""
        self._first = b""
        return self.stream.seek(self.base + place) - self.base


@dataclass
class TarMembers(Members):
    """Sample files of one shard, or of all shards of a folder."""

    shards: tuple[Path, ...]
    label: str
    options: ReadOptions

    def __post_init__(self) -> None:
        self.names = None
        self.left_out = LeftOut()

    def read(self, start: int) -> Iterator[tuple[str, bytes | InputError]]:
        """Read the stream from the beginning, leave out the first `start` members."""
        self.components = Components(self.label, self.options.key)
        index = position = 0
        for shard in self.shards:
            with reading(str(shard)), Forward(shard, self.options) as stream:
                for part, member in self._entries(stream, shard):
                    position += 1
                    self._check(shard, member, position)
                    if not member.isfile() or not self.wanted(member.name):
                        continue
                    if index >= start:
                        yield member.name, self._read(part, member, shard)
                    index += 1

    def _entries(self, stream: Forward, shard: Path) -> Iterator[tuple[_Part, tarfile.TarInfo]]:
        """Headers of all archives in the stream; between them stand blocks of zeros."""
        archives = 0
        while first := _next_block(stream):
            if archives and not _is_header(first):
                raise InputError(f"{shard}: data that are no archive follow the end mark; the file is refused")
            part = _Part(stream, first)
            with tarfile.open(fileobj=cast(IO[bytes], part), mode="r:", tarinfo=_Member) as archive:
                while (member := archive.next()) is not None:
                    yield part, member
                    archive.members.clear()  # type: ignore[attr-defined]
                if not getattr(archive, "ended", False):
                    raise InputError(f"{shard}: the archive ends without its end mark; it has been cut off")
            archives += 1
        if archives > 1:
            self.options.log.remark(f"{shard.name}: {archives} archives one after the other, all are read")

    def _check(self, shard: Path, member: tarfile.TarInfo, position: int) -> None:
        check_name(member.name, str(shard))
        if not (member.isfile() or member.isdir()):
            raise InputError(
                f"{shard}: member {member.name[:80]!r} is a link or a device; the archive is refused"
            )
        if position > self.options.max_members:
            raise InputError(f"{shard}: more than {self.options.max_members} members")

    def _read(self, part: _Part, member: tarfile.TarInfo, shard: Path) -> bytes | InputError:
        what = f"{shard}:{member.name}"
        self.options.check_member(member.size, what)
        if member.issparse():
            raise InputError(f"{what}: is stored as a sparse file; pack it again without that")
        with reading(what):
            part.seek(member.offset_data)
            data = part.read(member.size)
        if len(data) < member.size:
            raise InputError(f"{what}: the archive ends in the middle of it")
        return data


def _next_block(stream: Forward) -> bytes:
    """The next block that is not all zeros; empty at the end."""
    stream.seek(-(-stream.tell() // BLOCK) * BLOCK)
    while block := stream.read(BLOCK):
        if block.strip(b"\0"):
            return block
    return b""


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True
